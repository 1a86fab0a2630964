"""What targets and excludes take along, and what they must not touch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.engine_in_memory import Registrar, Stack
from support.state_rules import broken_rules

Program = Callable[[Registrar], object]


@pytest.fixture
def stack() -> Stack:
    return Stack()


def chain(value: int) -> Program:
    def run(p: Registrar) -> None:
        a = p.thing("a", {"value": value})
        b = p.thing("b", {"value": value}, uses={"ref": a})
        p.thing("c", {"value": value}, depends_on=[b])
        p.thing("d", {"value": value})

    return run


def values(stack: Stack) -> dict[str, object]:
    return {identity[0]: thing["value"] for identity, thing in stack.cloud.things.items()}


def test_target_dependents_takes_along_what_depends_on_targets(stack: Stack) -> None:
    stack.up(chain(1))
    report = stack.up(chain(2), targets=(stack.urn("b"),), target_dependents=True)
    assert not report.failed
    assert values(stack) == {"a": 1, "b": 2, "c": 2, "d": 1}


def test_exclude_dependents_leaves_out_what_depends_on_the_excluded(stack: Stack) -> None:
    stack.up(chain(1))
    report = stack.up(chain(2), excludes=(stack.urn("b"),), exclude_dependents=True)
    assert not report.failed
    assert values(stack) == {"a": 2, "b": 1, "c": 1, "d": 2}


def test_destroying_all_but_an_excluded_resource_keeps_what_it_needs(stack: Stack) -> None:
    stack.up(chain(1))
    assert not stack.destroy(excludes=(stack.urn("b"),)).failed
    assert stack.names() == ["a", "b"]


def test_children_of_a_destroyed_target_need_leave_too(stack: Stack) -> None:
    def program(p: Registrar) -> None:
        group = p.group("g")
        p.thing("a", parent=group.urn)

    stack.up(program)
    urn = stack.resource("g").urn
    report = stack.destroy(targets=(urn,))
    assert report.failed
    assert any("was not specified in --target list" in error for error in report.errors)
    assert not stack.destroy(targets=(urn,), target_dependents=True).failed
    assert stack.names() == []


def test_a_target_whose_parent_is_left_out_is_updated(stack: Stack) -> None:
    def program(value: int) -> Program:
        def run(p: Registrar) -> None:
            p.thing("a", {"value": value}, parent=p.group("g").urn)

        return run

    stack.up(program(1))
    urn = stack.resource("a").urn
    assert not stack.up(program(2), targets=(urn,)).failed
    assert stack.cloud.things["a-1"] == {"value": 2}
    assert stack.names() == ["g", "a"]


def test_what_is_new_and_no_target_is_not_made(stack: Stack) -> None:
    stack.up(chain(1))

    def more(p: Registrar) -> None:
        chain(2)(p)
        p.thing("e")

    assert not stack.up(more, targets=(stack.urn("d"),)).failed
    assert values(stack) == {"a": 1, "b": 1, "c": 1, "d": 2}
    assert "e" not in stack.names()


def test_what_the_program_dropped_stays_when_it_is_no_target(stack: Stack) -> None:
    stack.up(chain(1))
    report = stack.up(lambda p: p.thing("d", {"value": 2}), targets=(stack.urn("d"),))
    assert not report.failed
    assert values(stack) == {"a": 1, "b": 1, "c": 1, "d": 2}
    assert broken_rules(stack.state) == []


def test_a_deletion_that_fails_keeps_what_the_target_needs(stack: Stack) -> None:
    stack.up(chain(1))
    stack.cloud.refuse.add(("delete", "c-1"))
    assert stack.destroy(targets=(stack.urn("b"),), target_dependents=True).failed
    assert sorted(stack.names()) == ["a", "b", "c", "d"]


def test_a_refresh_of_targets_leaves_the_rest(stack: Stack) -> None:
    stack.up(chain(1))
    for identity in ("a-1", "d-1"):
        stack.cloud.things[identity] = {"value": 9}
    assert not stack.refresh(targets=(stack.urn("d"),)).failed
    assert stack.resource("a").inputs["value"] == 1
    assert stack.resource("d").inputs["value"] == 9


def test_a_refresh_may_leave_resources_out(stack: Stack) -> None:
    stack.up(chain(1))
    for identity in ("a-1", "d-1"):
        stack.cloud.things[identity] = {"value": 9}
    assert not stack.refresh(excludes=(stack.urn("d"),)).failed
    assert stack.resource("a").inputs["value"] == 9
    assert stack.resource("d").inputs["value"] == 1


def test_a_replacement_of_a_target_alone_is_refused_when_others_must_go_with_it(stack: Stack) -> None:
    def program(key: int) -> Program:
        def run(p: Registrar) -> None:
            a = p.thing("a", {"key": key, "dbr": True})
            p.thing("b", uses={"key": a})

        return run

    stack.up(program(1))
    report = stack.up(program(2), targets=(stack.urn("a"),), target_dependents=True)
    assert not report.failed
    assert stack.ids() == {"a-2", "b-2"}


def test_an_old_copy_that_is_no_target_waits_on(stack: Stack) -> None:
    def program(key: int) -> Program:
        def run(p: Registrar) -> None:
            p.thing("a", {"key": key})
            p.thing("b")

        return run

    stack.up(program(1))
    stack.cloud.refuse.add(("delete", "a-1"))
    assert stack.up(program(2)).failed
    stack.cloud.refuse.clear()
    assert not stack.destroy(targets=(stack.urn("b"),)).failed
    assert stack.names() == ["a", "-a"]
    assert set(stack.cloud.things) == {"a-1", "a-2"}


def test_excluding_all_that_uses_a_provider_leaves_the_provider(stack: Stack) -> None:
    def program(size: int) -> Program:
        def run(p: Registrar) -> None:
            p.thing("a", {"value": size}, provider=p.make_provider("own", size=size))
            p.thing("b", {"value": size})

        return run

    stack.up(program(1))
    assert not stack.destroy(excludes=(stack.urn("a"),)).failed
    assert {"own", "a"} <= {r.name for r in stack.state.resources}
    assert broken_rules(stack.state) == []
