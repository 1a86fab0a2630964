"""Throttled calls that nobody would repeat are repeated, with growing pauses and an end."""

from __future__ import annotations

import pytest
from support.job_stacks import FakeTime, Told

from runctl_auto.errors import AccessDeniedError, ThrottledError
from runctl_auto.jobs.session import Time
from runctl_auto.jobs.throttling import PAUSES_SECONDS, past_throttling


class Calls:
    def __init__(self, *answers: Exception | str) -> None:
        self.answers = list(answers)
        self.clock, self.told = FakeTime(), Told()

    def call(self) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def patiently(self) -> str:
        time = Time(sleep=self.clock.sleep, monotonic=self.clock.monotonic)
        return past_throttling(self.call, self.told, time)


def test_it_is_repeated_until_it_is_answered() -> None:
    slow = ThrottledError("reading failed.")
    calls = Calls(slow, slow, "answer")
    assert calls.patiently() == "answer"
    assert calls.clock.now == sum(PAUSES_SECONDS[:2])
    assert calls.told.said[0] == "reading failed; trying again in 5 s"


def test_it_is_not_repeated_for_ever() -> None:
    calls = Calls(*[ThrottledError("reading failed.")] * 99)
    with pytest.raises(ThrottledError):
        calls.patiently()
    assert calls.clock.now == sum(PAUSES_SECONDS)


def test_another_error_is_raised_at_once() -> None:
    calls = Calls(AccessDeniedError("no"))
    with pytest.raises(AccessDeniedError):
        calls.patiently()
    assert calls.clock.now == 0
