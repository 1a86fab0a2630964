"""Looking again and again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from unittest.mock import create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jobs_at_a_glance import few_jobs, look_at

from runctl_auto.errors import UnreachableError
from runctl_auto.pages.looks.look import Look
from runctl_auto.pages.looks.looking import MOST_PAUSE_SECONDS, MOST_SHARE, Looking, pause_after

LOOK = look_at(few_jobs())
PATIENCE_SECONDS = 60


class Looks:
    """Looks that succeed or fail in this order; ``first`` and ``next`` wait for one."""

    def __init__(self, *results: Look | Exception) -> None:
        self._results: Iterator[Look | Exception] = iter(results)
        self.opened = 0
        self._told = threading.Semaphore(0)
        self.looking = Looking(self._open, self._told.release, cpu=lambda: 0.0)

    def _open(self) -> object:
        self.opened += 1
        return self._look

    def _look(self) -> Look:
        result = next(self._results)
        if isinstance(result, Exception):
            raise result
        return result

    def first(self) -> None:
        """Begins, and waits for the look that nobody asks for."""
        self.looking.start()
        assert self._told.acquire(timeout=PATIENCE_SECONDS)

    def next(self) -> None:
        """Waits for the next look, which is asked for."""
        self.looking.ask()
        assert self._told.acquire(timeout=PATIENCE_SECONDS)


def test_a_look_that_fails_leaves_the_one_before() -> None:
    looks = Looks(LOOK, UnreachableError("away"), ValueError("odd"), LOOK)
    looking = looks.looking
    looks.first()
    assert (looking.latest, looking.problem) == (LOOK, None)
    looks.next()
    assert looking.latest is LOOK
    assert isinstance(looking.problem, UnreachableError)
    looks.next()
    assert looking.problem is not None
    assert looking.problem.what == "Something unexpected went wrong: ValueError: odd"
    looks.next()
    assert (looking.latest, looking.problem, looks.opened) == (LOOK, None, 1)
    looking.stop()


def test_on_demand_it_looks_when_somebody_asks_and_not_before_the_pause_is_over() -> None:
    looks = Looks(LOOK, LOOK)
    looking = looks.looking
    looking.on_demand = True
    rested: list[float] = []
    looking._ended = create_autospec(threading.Event, instance=True)
    looking._ended.is_set.return_value = False
    looking._ended.wait.side_effect = rested.append
    looks.first()
    looking.look_within(PATIENCE_SECONDS)
    looks.next()
    assert rested[0] == 5.0
    looking._ended.is_set.return_value = True
    looking.ask()


def test_it_is_opened_again_when_that_failed() -> None:
    tries: list[int] = []
    told = threading.Semaphore(0)

    def opened() -> object:
        tries.append(1)
        if len(tries) == 1:
            raise UnreachableError("away")
        return lambda: LOOK

    looking = Looking(opened, told.release, cpu=lambda: 0.0)  # type: ignore[arg-type]
    looking.start()
    assert told.acquire(timeout=PATIENCE_SECONDS)
    assert looking.latest is None
    looking.ask()
    assert told.acquire(timeout=PATIENCE_SECONDS)
    assert looking.latest is LOOK
    looking.stop()


@given(st.floats(0, 1000))
def test_looks_take_a_small_share_of_a_core(cpu: float) -> None:
    pause = pause_after(cpu)
    assert pause >= 5
    if pause < MOST_PAUSE_SECONDS:
        assert cpu / (cpu + pause) <= MOST_SHARE + 1e-9


def test_pauses() -> None:
    assert [pause_after(each) for each in (0.0, 0.1)] == [5.0, 5.0]
    assert pause_after(0.3) == pytest.approx(14.7)
    assert pause_after(60) == MOST_PAUSE_SECONDS
