"""Resources that had another name, type, parent or project before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.engine_in_memory import THING, Registrar, Stack

from sandbox.engine.deploy.goal import Alias

Program = Callable[[Registrar], object]


@pytest.fixture
def stack() -> Stack:
    return Stack()


def grouped(p: Registrar) -> None:
    p.thing("a", parent=p.group("g").urn)


def test_a_resource_moves_to_another_parent(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a"))

    def moved(p: Registrar) -> None:
        p.thing("a", parent=p.group("g").urn, aliases=(Alias(no_parent=True),))

    assert stack.up(moved).changes == {"same": 2, "create": 1}
    assert stack.resource("a").urn.endswith(f"toy:index:Group${THING}::a")
    assert stack.ids() == {"a-1"}


def test_a_resource_leaves_its_parent(stack: Stack) -> None:
    stack.up(grouped)
    parent = stack.resource("g").urn
    report = stack.up(lambda p: p.thing("a", aliases=(Alias(parent=parent),)))
    assert report.changes == {"same": 2, "delete": 1}
    assert stack.resource("a").urn == stack.urn("a")
    assert stack.ids() == {"a-1"}


def test_a_resource_had_another_type(stack: Stack) -> None:
    stack.up(lambda p: p.register("toy:index:Old", "a", {}))
    report = stack.up(lambda p: p.thing("a", aliases=(Alias(type="toy:index:Old"),)))
    assert report.changes == {"same": 2}
    assert stack.resource("a").type == THING


def test_a_resource_came_from_another_project(stack: Stack) -> None:
    """As in a state that was brought over from another project."""
    stack.project = "before"
    stack.up(lambda p: p.thing("a"))
    stack.project = "toys"
    report = stack.up(lambda p: p.thing("a", aliases=(Alias(project="before"),)))
    assert not report.failed
    assert stack.cloud.called("create", "delete") == [("create", "a")]
    assert stack.resource("a").urn == stack.urn("a")


def test_a_chain_of_renames_is_followed(stack: Stack) -> None:
    for name, aliases in (("a", ()), ("b", ("a",)), ("c", ("b", "a"))):

        def program(p: Registrar, name: str = name, aliases: tuple[str, ...] = aliases) -> None:
            p.thing(name, aliases=tuple(Alias(name=n) for n in aliases))

        assert not stack.up(program).failed
    assert stack.names() == ["c"]
    assert stack.ids() == {"a-1"}


@pytest.mark.parametrize("option", ["depends_on", "uses", "deleted_with", "replace_with"])
def test_references_to_what_was_renamed_follow(stack: Stack, option: str) -> None:
    def program(name: str, *aliases: Alias) -> Program:
        def run(p: Registrar) -> None:
            a = p.thing(name, aliases=aliases)
            options = {
                "depends_on": {"depends_on": [a]},
                "uses": {"uses": {"ref": a}},
                "deleted_with": {"deleted_with": a.urn},
                "replace_with": {"replace_with": (a.urn,)},
            }
            p.thing("b", **options[option])

        return run

    stack.up(program("old"))
    assert stack.up(program("new", Alias(name="old"))).changes == {"same": 3}
    assert stack.urn("old") not in repr(stack.state.resources)
    assert stack.urn("new") in stack.resource("b").references()


def test_what_is_left_out_follows_a_rename_too(stack: Stack) -> None:
    """`b` is no target: it is carried over, and must name `a` by its new name."""

    def program(name: str, *aliases: Alias) -> Program:
        def run(p: Registrar) -> None:
            p.thing("b", depends_on=[p.thing(name, {"value": len(aliases)}, aliases=aliases)])

        return run

    stack.up(program("old"))
    report = stack.up(program("new", Alias(name="old")), targets=(stack.urn("new"),))
    assert not report.failed
    assert stack.resource("b").dependencies == [stack.urn("new")]


def test_a_renamed_provider_keeps_its_resources(stack: Stack) -> None:
    def program(name: str, *aliases: Alias) -> Program:
        def run(p: Registrar) -> None:
            made = p.register("pulumi:providers:toy", name, {}, provider="", parent="", aliases=aliases)
            p.thing("a", provider=f"{made.urn}::{made.id}")

        return run

    stack.up(program("old"))
    identity = stack.resource("old").id
    assert not stack.up(program("new", Alias(name="old"))).failed
    assert stack.resource("a").provider.endswith(f"::new::{identity}")
    assert stack.ids() == {"a-1"}


def test_a_name_that_stands_for_itself_comes_before_an_alias(stack: Stack) -> None:
    """Both names are in the state: the resource means its own, and the other one goes."""

    def before(p: Registrar) -> None:
        p.thing("a", {"value": 1})
        p.thing("b", {"value": 2})

    stack.up(before)
    report = stack.up(lambda p: p.thing("b", {"value": 2}, aliases=(Alias(name="a"),)))
    assert report.changes == {"same": 2, "delete": 1}
    assert stack.ids() == {"b-1"}


def test_a_renamed_resource_may_be_changed_and_replaced_at_once(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"key": 1}))
    report = stack.up(lambda p: p.thing("b", {"key": 2}, aliases=(Alias(name="a"),)))
    assert report.changes == {"same": 1, "replace": 1}
    assert stack.ids() == {"b-1"}
    assert set(stack.cloud.things) == {"b-1"}
