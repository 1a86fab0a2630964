"""A read that meets a half-written state is repeated, and no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runctl_auto.engine.half_written import PAUSE_SECONDS, TRIES, reread
from runctl_auto.errors import EngineError

HALF = "The selection of job 'a' failed: error: failed to load checkpoint: EOF"


def reading(*answers: str) -> tuple[Callable[[], str], list[str]]:
    """Raises an error for each answer but the last; what was answered so far."""
    given: list[str] = []

    def read() -> str:
        given.append(answers[min(len(given), len(answers) - 1)])
        if len(given) < len(answers) or given[-1] == HALF:
            raise EngineError(given[-1])
        return given[-1]

    return read, given


def test_a_half_written_state_is_read_again() -> None:
    slept: list[float] = []
    read, given = reading(HALF, HALF, "state")
    assert reread(read, slept.append) == "state"
    assert (len(given), slept) == (3, [PAUSE_SECONDS] * 2)


def test_another_failure_is_told_at_once() -> None:
    slept: list[float] = []
    read, given = reading("no passphrase", "state")
    with pytest.raises(EngineError, match="no passphrase"):
        reread(read, slept.append)
    assert (len(given), slept) == (1, [])


def test_one_that_stays_is_told() -> None:
    slept: list[float] = []
    read, given = reading(HALF)
    with pytest.raises(EngineError, match="EOF"):
        reread(read, slept.append)
    assert (len(given), len(slept)) == (TRIES, TRIES - 1)
