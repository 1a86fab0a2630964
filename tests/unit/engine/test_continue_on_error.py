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
