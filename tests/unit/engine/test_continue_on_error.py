"""Operations that go on after errors."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack


@pytest.fixture
def stack() -> Stack:
    return Stack()


def test_a_replacement_whose_first_deletion_fails_is_told_as_failed(stack: Stack) -> None:
    """What stands behind the failed deletion is not reached; the program must not wait for it."""

    def program(key: int) -> object:
        def run(p: Registrar) -> None:
            a = p.thing("a", {"key": key, "dbr": True})
            p.thing("b", {"value": key}, depends_on=[a])
            p.thing("c", {"value": key})

        return run

    stack.up(program(1))
    stack.cloud.refuse.add(("delete", "a-1"))
    report = stack.up(program(2), continue_on_error=True)
    assert report.failed
    assert stack.told == {"a": "failed", "b": "skipped"}
    assert stack.cloud.things["a-1"]["key"] == 1
    assert stack.cloud.things["b-1"] == {"value": 1}
    assert stack.cloud.things["c-1"] == {"value": 2}
    assert sorted(stack.names()) == ["a", "b", "c"]


def test_an_update_that_fails_spares_the_rest(stack: Stack) -> None:
    def program(value: int) -> object:
        def run(p: Registrar) -> None:
            a = p.thing("a", {"value": value})
            p.thing("b", {"value": value}, depends_on=[a])
            p.thing("c", {"value": value})

        return run

    stack.up(program(1))
    stack.cloud.refuse.add(("update", "a"))
    report = stack.up(program(2), continue_on_error=True)
    assert report.failed
    assert stack.cloud.things == {"a-1": {"value": 1}, "b-1": {"value": 1}, "c-1": {"value": 2}}
    assert stack.resource("a").inputs == {"value": 1}


def test_what_depends_on_what_was_left_out_is_left_out_too(stack: Stack) -> None:
    stack.cloud.refuse.add(("create", "a"))

    def program(p: Registrar) -> None:
        a = p.thing("a")
        b = p.thing("b", depends_on=[a])
        p.thing("c", depends_on=[b])
        p.thing("d", parent=b.urn)

    assert stack.up(program, continue_on_error=True).failed
    assert stack.told == {"a": "failed", "b": "skipped", "c": "skipped", "d": "skipped"}
    assert stack.cloud.things == {}
    assert stack.names() == []


def test_a_destroy_goes_on_with_what_does_not_hang_on_the_failure(stack: Stack) -> None:
    def program(p: Registrar) -> None:
        a = p.thing("a")
        p.thing("b", depends_on=[a])
        p.thing("c")

    stack.up(program)
    stack.cloud.refuse.add(("delete", "b-1"))
    assert stack.destroy(continue_on_error=True).failed
    assert set(stack.cloud.things) == {"a-1", "b-1"}
    assert stack.names() == ["a", "b"]


def test_without_it_a_destroy_stops_at_the_failure(stack: Stack) -> None:
    def program(p: Registrar) -> None:
        a = p.thing("a")
        p.thing("b", depends_on=[a])

    stack.up(program)
    stack.cloud.refuse.add(("delete", "b-1"))
    assert stack.destroy().failed
    assert stack.names() == ["a", "b"]


def test_resources_whose_deletion_follows_from_the_program_go_all_the_same(stack: Stack) -> None:
    stack.up(lambda p: (p.thing("a"), p.thing("b")))
    stack.cloud.refuse.add(("create", "c"))
    assert stack.up(lambda p: (p.thing("a"), p.thing("c")), continue_on_error=True).failed
    assert set(stack.cloud.things) == {"a-1"}
