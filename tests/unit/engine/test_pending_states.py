"""States in which something waits: for its replacement, or for its deletion."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack
from support.state_rules import broken_rules


@pytest.fixture
def stack() -> Stack:
    return Stack()


def keyed(key: int) -> object:
    return lambda p: p.thing("a", {"key": key, "dbr": True})


@pytest.fixture
def interrupted(stack: Stack) -> Stack:
    """A stack whose `a` was deleted to be replaced, and was not made again."""
    stack.up(keyed(1))
    stack.cloud.refuse.add(("create", "a"))
    assert stack.up(keyed(2)).failed
    assert stack.resource("a").pending_replacement
    stack.cloud.refuse.clear()
    stack.cloud.calls.clear()
    return stack


def test_destroying_with_the_program_does_not_delete_what_waits_for_its_replacement(
    interrupted: Stack,
) -> None:
    assert not interrupted.destroy(keyed(2), run_program=True).failed
    assert interrupted.cloud.called("delete") == []
    assert interrupted.state.resources == []


def test_what_waits_for_its_replacement_waits_on_when_its_destruction_fails(interrupted: Stack) -> None:
    def program(p: Registrar) -> None:
        a = p.thing("a", {"key": 2, "dbr": True})
        p.thing("b", depends_on=[a], protect=True)

    interrupted.up(program)
    interrupted.cloud.refuse.add(("create", "a"))
    interrupted.up(lambda p: p.thing("a", {"key": 3, "dbr": True}))
    assert interrupted.resource("a").pending_replacement
    assert interrupted.destroy(program, run_program=True).failed
    assert interrupted.resource("a").pending_replacement


def test_destroying_with_the_program_keeps_what_a_protected_resource_of_before_needs(stack: Stack) -> None:
    """`b` is not in the program any more and may not go, so `a`, which is in the program, may not either."""

    def before(p: Registrar) -> None:
        p.thing("b", depends_on=[p.thing("a")], protect=True)

    stack.up(before)
    report = stack.destroy(lambda p: p.thing("a"), run_program=True)
    assert report.failed
    assert len([e for e in report.errors if "cannot be deleted" in e]) == 1
    assert set(stack.cloud.things) == {"a-1", "b-1"}
    assert stack.state.pending_operations == []


def test_a_provider_that_waits_for_its_deletion_stays_before_what_still_needs_it(stack: Stack) -> None:
    def program(region: str, *, whole: bool) -> object:
        def run(p: Registrar) -> None:
            provider = p.make_provider("own", region=region)
            uses = {"ref": p.thing("a", {"key": 1}, provider=provider, protect=True)} if whole else {}
            p.thing("b", {"value": len(region)}, uses=uses)

        return run

    stack.up(program("one", whole=True))
    assert stack.up(program("three", whole=True)).failed  # the new provider is there, `a` may not be replaced
    before = stack.resource("a").provider
    report = stack.up(program("three", whole=False), targets=(stack.urn("b"),))
    assert not report.failed
    assert stack.resource("a").provider == before
    assert broken_rules(stack.state) == []


def test_a_protected_resource_keeps_the_new_copy_of_what_it_needs_and_lets_the_old_one_go(
    stack: Stack,
) -> None:
    def program(key: int) -> object:
        return lambda p: p.thing("b", depends_on=[p.thing("a", {"key": key})], protect=True)

    stack.up(program(1))
    stack.cloud.refuse.add(("delete", "a-1"))
    assert stack.up(program(2)).failed
    assert sorted(stack.names()) == ["-a", "a", "b"]
    stack.cloud.refuse.clear()
    report = stack.destroy()
    assert report.failed
    assert set(stack.cloud.things) == {"a-2", "b-1"}
    assert sorted(stack.names()) == ["a", "b"]


def test_several_old_copies_are_deleted_each_once(stack: Stack) -> None:
    for key in (1, 2, 3):
        stack.cloud.refuse = {("delete", "a-1"), ("delete", "a-2")}
        stack.up(lambda p, key=key: p.thing("a", {"key": key}))
    assert sorted(stack.names()) == ["-a", "-a", "a"]
    stack.cloud.refuse.clear()
    stack.cloud.calls.clear()
    assert not stack.destroy().failed
    assert len(stack.cloud.called("delete")) == len(set(stack.cloud.called("delete")))
    assert stack.cloud.things == {}


def test_an_interrupted_replacement_goes_on_with_what_the_program_wants_by_then(interrupted: Stack) -> None:
    assert not interrupted.up(keyed(3)).failed
    assert interrupted.cloud.called("create", "delete") == [("create", "a")]
    assert interrupted.cloud.things == {"a-2": {"key": 3, "dbr": True}}


def test_an_interrupted_replacement_that_fails_again_is_still_pending(interrupted: Stack) -> None:
    interrupted.cloud.refuse.add(("create", "a"))
    assert interrupted.up(keyed(2)).failed
    assert interrupted.resource("a").pending_replacement
    assert interrupted.cloud.called("delete") == []


def test_a_chain_that_is_deleted_first_and_interrupted_is_made_again_in_order(stack: Stack) -> None:
    def program(key: int) -> object:
        def run(p: Registrar) -> None:
            a = p.thing("a", {"key": key, "dbr": True})
            b = p.thing("b", {"dbr": True}, uses={"key": a})
            p.thing("c", {"dbr": True}, uses={"key": b})

        return run

    stack.up(program(1))
    stack.cloud.refuse.add(("create", "b"))
    assert stack.up(program(2)).failed
    stack.cloud.refuse.clear()
    stack.cloud.calls.clear()
    assert not stack.up(program(2)).failed
    assert stack.cloud.called("create") == [("create", "b"), ("create", "c")]
    assert ("delete", "b-1") not in stack.cloud.calls
    assert stack.ids() == {"a-2", "b-2", "c-2"}
    assert set(stack.cloud.things) == {"a-2", "b-2", "c-2"}
