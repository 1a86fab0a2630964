"""Refreshes: of what is gone, changed, half made, read, or not in the program any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.engine_in_memory import Registrar, Stack
from support.state_rules import broken_rules

Program = Callable[[Registrar], object]


@pytest.fixture
def stack() -> Stack:
    return Stack()


def pair(p: Registrar) -> None:
    a = p.thing("a", {"value": 1})
    p.thing("b", {"value": 1}, uses={"ref": a}, deleted_with=a.urn, replace_with=(a.urn,))


def test_references_of_every_kind_to_what_is_gone_are_dropped(stack: Stack) -> None:
    stack.up(pair)
    del stack.cloud.things["a-1"]
    assert not stack.refresh().failed
    b = stack.resource("b")
    assert (b.dependencies, b.deleted_with, b.replace_with) == ([], "", [])
    assert not any(b.property_dependencies.values())


def test_children_of_what_is_gone_have_no_parent_until_the_program_gives_them_one(stack: Stack) -> None:
    def program(p: Registrar) -> None:
        a = p.thing("a")
        p.thing("b", parent=a.urn)

    stack.up(program)
    del stack.cloud.things["a-1"]
    assert not stack.refresh().failed
    assert stack.resource("b").parent == ""
    assert broken_rules(stack.state) == []
    assert not stack.up(program).failed
    assert stack.resource("b").parent == stack.urn("a")
    assert stack.ids() == {"a-2", "b-1"}


def test_a_protected_resource_that_is_gone_is_forgotten(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", protect=True))
    stack.cloud.things.clear()
    assert not stack.refresh().failed
    assert stack.names() == []


def test_what_was_half_made_is_whole_after_a_refresh_that_finds_it_so(stack: Stack) -> None:
    stack.cloud.half_made.add("a")
    stack.up(lambda p: p.thing("a", {"value": 1}))
    assert stack.resource("a").init_errors
    stack.cloud.half_made.clear()
    assert not stack.refresh().failed
    assert stack.resource("a").init_errors == []
    assert stack.up(lambda p: p.thing("a", {"value": 1})).changes == {"same": 2}


def test_a_preview_of_a_refresh_records_nothing(stack: Stack) -> None:
    stack.up(pair)
    stack.cloud.things["a-1"] = {"value": 9}
    before = stack.state
    report = stack.preview(pair, refresh=True)
    assert ("update", "a") in report.steps()
    assert stack.state is before


def test_an_update_with_refresh_undoes_what_somebody_changed(stack: Stack) -> None:
    stack.up(pair)
    stack.cloud.things["a-1"] = {"value": 9}
    assert not stack.up(pair, refresh=True).failed
    assert stack.cloud.things["a-1"] == {"value": 1}


def test_without_a_refresh_nobody_notices(stack: Stack) -> None:
    stack.up(pair)
    stack.cloud.things["a-1"] = {"value": 9}
    assert stack.up(pair).changes == {"same": 3}


def test_old_copies_are_refreshed_too(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"key": 1}))
    stack.cloud.refuse.add(("delete", "a-1"))
    stack.up(lambda p: p.thing("a", {"key": 2}))
    assert stack.names() == ["a", "-a"]
    del stack.cloud.things["a-1"]
    assert not stack.refresh().failed
    assert stack.names() == ["a"]


def test_what_waits_for_its_replacement_is_not_read(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"key": 1, "dbr": True}))
    stack.cloud.refuse.add(("create", "a"))
    stack.up(lambda p: p.thing("a", {"key": 2, "dbr": True}))
    stack.cloud.refuse.clear()
    assert not stack.refresh().failed
    assert not stack.up(lambda p: p.thing("a", {"key": 2, "dbr": True})).failed
    assert stack.ids() == {"a-2"}
    assert stack.cloud.called("delete") == [("delete", "a-1")]


def test_with_the_program_what_is_gone_is_forgotten_and_not_made(stack: Stack) -> None:
    stack.up(pair)
    del stack.cloud.things["a-1"]
    assert not stack.refresh(pair, run_program=True).failed
    assert "a" not in stack.names()
    assert stack.cloud.called("create") == [("create", "a"), ("create", "b")]
    assert broken_rules(stack.state) == []


def test_with_the_program_what_that_does_not_name_is_refreshed_all_the_same(stack: Stack) -> None:
    stack.up(pair)
    stack.cloud.things["b-1"] = {"value": 9, "ref": "out-a-1"}
    assert not stack.refresh(lambda p: p.thing("a", {"value": 1}), run_program=True).failed
    assert stack.resource("b").inputs["value"] == 9


def test_an_update_that_was_cut_off_is_settled_by_a_refresh(stack: Stack) -> None:
    stack.up(pair)
    left = []
    stack.cloud.after_call = lambda call, name: left.append(stack.state)
    stack.up(lambda p: p.thing("a", {"value": 2}), targets=(stack.urn("a"),))
    stack.cloud.after_call, stack.state = (lambda call, name: None), left[0]
    assert [o.kind.value for o in stack.state.pending_operations] == ["updating"]
    assert not stack.refresh().failed
    assert stack.state.pending_operations == []
    assert stack.resource("a").inputs == {"value": 2}
