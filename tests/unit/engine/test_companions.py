"""Resources whose fate hangs on another one: `deleted_with`, `replace_with`, `retain_on_delete`."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.mark.parametrize("deleting_first", [True, False])
def test_what_is_deleted_with_a_replaced_resource_is_replaced_without_a_deletion_of_its_own(
    stack: Stack, deleting_first: bool
) -> None:
    def program(key: int) -> object:
        def run(p: Registrar) -> None:
            a = p.thing("a", {"key": key, "dbr": deleting_first})
            b = p.thing("b", deleted_with=a.urn)
            p.thing("c", deleted_with=b.urn)

        return run

    stack.up(program(1))
    stack.cloud.calls.clear()
    report = stack.up(program(2))
    assert not report.failed
    assert stack.cloud.called("delete") == [("delete", "a-1")]
    assert stack.ids() == {"a-2", "b-2", "c-2"}


def test_targeting_what_others_are_deleted_with_takes_them_along(stack: Stack) -> None:
    def program(p: Registrar) -> None:
        a = p.thing("a")
        p.thing("b", deleted_with=a.urn)
        p.thing("c")

    stack.up(program)
    assert stack.destroy(targets=(stack.urn("a"),)).failed
    assert not stack.destroy(targets=(stack.urn("a"),), target_dependents=True).failed
    assert stack.cloud.called("delete") == [("delete", "a-1")]
    assert stack.names() == ["c"]


def test_a_protected_companion_stops_a_replacement(stack: Stack) -> None:
    def program(key: int) -> object:
        def run(p: Registrar) -> None:
            a = p.thing("a", {"key": key, "dbr": True})
            p.thing("b", deleted_with=a.urn, protect=True)

        return run

    stack.up(program(1))
    assert stack.up(program(2)).failed
    assert set(stack.cloud.things) == {"a-1", "b-1"}


@pytest.mark.parametrize("deleting_first", [True, False])
def test_what_is_replaced_with_another_is_replaced_when_that_is(stack: Stack, deleting_first: bool) -> None:
    def program(key: int) -> object:
        def run(p: Registrar) -> None:
            a = p.thing("a", {"key": key, "dbr": deleting_first})
            p.thing("b", {"value": 1}, replace_with=(a.urn,))

        return run

    stack.up(program(1))
    stack.cloud.calls.clear()
    report = stack.up(program(2))
    assert report.changes == {"same": 1, "replace": 2}
    assert set(stack.cloud.called("delete")) == {("delete", "a-1"), ("delete", "b-1")}
    assert stack.ids() == {"a-2", "b-2"}


def test_what_is_replaced_with_another_stays_when_that_stays(stack: Stack) -> None:
    def program(p: Registrar) -> None:
        a = p.thing("a", {"key": 1})
        p.thing("b", {"value": 1}, replace_with=(a.urn,))

    stack.up(program)
    assert stack.up(program).changes == {"same": 3}


def test_a_retained_resource_that_is_replaced_stays_in_the_cloud(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"key": 1}, retain_on_delete=True))
    report = stack.up(lambda p: p.thing("a", {"key": 2}, retain_on_delete=True))
    assert report.changes == {"same": 1, "replace": 1}
    assert set(stack.cloud.things) == {"a-1", "a-2"}
    assert stack.ids() == {"a-2"}
