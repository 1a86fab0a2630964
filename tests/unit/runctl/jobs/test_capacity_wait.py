"""Waiting for capacity: only when asked to, with growing waits, and no longer than allowed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.job_stacks import FakeTime, Told

from runctl_auto.errors import AccessDeniedError, NoCapacityError, TooManyJobsError
from runctl_auto.job_file.spec import Retry
from runctl_auto.jobs.capacity_wait import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    until_capacity,
)
from runctl_auto.jobs.session import Time

TRAIL = ({"zone": "us-east-1a", "code": "InsufficientInstanceCapacity"},)


def refusal() -> NoCapacityError:
    return NoCapacityError("No place has capacity.", code="InsufficientInstanceCapacity", trail=TRAIL)


class Attempts:
    """Attempts that fail with ``errors``, then succeed; when each was made."""

    def __init__(self, *errors: Exception) -> None:
        self.clock = FakeTime()
        self.told = Told()
        self.at: list[float] = []
        self._errors = list(errors)

    def __call__(self) -> str:
        self.at.append(self.clock.now)
        if self._errors:
            raise self._errors.pop(0)
        return "placed"

    def run(self, retry: Retry | None, again: Callable[[], str] | None = None) -> str:
        time = Time(sleep=self.clock.sleep, monotonic=self.clock.monotonic)
        return until_capacity(self, again or self, retry=retry, reporter=self.told, time=time)


def waits(*, duration: int | None = None, event: str = "no-capacity") -> Retry:
    return Retry.model_validate({"on_events": [event], "duration": duration})


@pytest.mark.parametrize("retry", [None, waits(event="interruption")], ids=["no retry", "other events"])
def test_a_job_that_does_not_ask_to_wait_does_not(retry: Retry | None) -> None:
    attempts = Attempts(refusal())
    with pytest.raises(NoCapacityError):
        attempts.run(retry)
    assert attempts.at == [0]


def test_waits_grow_up_to_a_limit_and_are_told() -> None:
    attempts = Attempts(*(refusal() for _ in range(8)))
    assert attempts.run(waits()) == "placed"
    pauses = [later - earlier for earlier, later in zip(attempts.at, attempts.at[1:], strict=False)]
    assert pauses[:3] == [FIRST_WAIT_SECONDS, 2 * FIRST_WAIT_SECONDS, 4 * FIRST_WAIT_SECONDS]
    assert pauses[-1] == LONGEST_WAIT_SECONDS == max(pauses)
    assert attempts.told.said[0] == "no place has capacity; trying again in 15 s"
    assert len(attempts.told.said) == 8


def test_when_the_time_is_over_the_error_has_the_trail() -> None:
    attempts = Attempts(*(refusal() for _ in range(20)))
    with pytest.raises(NoCapacityError, match=r"retry\.duration is over after 10 min") as raised:
        attempts.run(waits(duration=600))
    assert raised.value.exit_code == 6
    assert raised.value.trail == TRAIL
    assert raised.value.__cause__ is not None
    assert attempts.at[-1] == 600, "tried a last time at the end"
    assert attempts.told.said[0].endswith("in 15 s, for 10 min more")


def test_another_error_ends_the_waiting() -> None:
    with pytest.raises(AccessDeniedError):
        Attempts(refusal(), AccessDeniedError("no")).run(waits())


def test_a_job_without_a_possible_place_does_not_wait() -> None:
    attempts = Attempts(NoCapacityError("all over max_price"))
    with pytest.raises(NoCapacityError):
        attempts.run(waits())
    assert attempts.at == [0]


def test_other_jobs_that_run_are_waited_for_too() -> None:
    attempts = Attempts(refusal(), TooManyJobsError("8 jobs run"), NoCapacityError("none offered now"))
    assert attempts.run(waits()) == "placed"
    assert "not yet: 8 jobs run" in attempts.told.said


def test_later_attempts_are_other_ones() -> None:
    attempts = Attempts(refusal())
    assert attempts.run(waits(), lambda: "elsewhere") == "elsewhere"
    assert attempts.at == [0]


@given(some.integers(1, 100_000), some.integers(0, 60))
def test_it_never_waits_longer_than_allowed(duration: int, refusals: int) -> None:
    attempts = Attempts(*(refusal() for _ in range(refusals)))
    try:
        attempts.run(waits(duration=duration))
    except NoCapacityError:
        assert attempts.clock.now == duration
    assert attempts.clock.now <= duration
