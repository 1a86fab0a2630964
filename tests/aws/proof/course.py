"""One run: steps against a deadline, then the clean-up, which always runs to its end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from aws.proof.report import Report

PASSED, FAILED, LEFT, INTERRUPTED = 0, 1, 5, 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StepFailed(Exception):
    """Something is not as it should be; the message says what."""


class OutOfTime(StepFailed):
    """The time for the steps is used up."""


@dataclass(frozen=True)
class Deadline:
    """When the steps must have ended. ``clock`` returns seconds."""

    clock: Callable[[], float]
    end: float

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float]) -> Deadline:
        return cls(clock, clock() + seconds)

    def left(self, doing: str) -> float:
        """The seconds that are left. Raises OutOfTime when there are none."""
        left = self.end - self.clock()
        if left <= 0:
            raise OutOfTime(f"the time was used up while {doing}")
        return left


@dataclass(frozen=True)
class Step:
    """One part of a run; ``subject`` is what a failure of it concerns."""

    name: str
    subject: str
    run: Callable[[], None]


CleanUp = tuple[str, Callable[[], None]]


def follow(
    steps: Sequence[Step], clean_ups: Sequence[CleanUp], left: Callable[[], Sequence[str]], report: Report
) -> int:
    """Run the steps up to the first that fails, then every clean-up, then look what is left.

    A clean-up that fails prevents no other one; while they run, signals are only noted. Returns the exit
    code: 0, 1 after a failure, 5 when something is left, 130 when interrupted.
    """
    with _Signals(report) as signals:
        code = _followed(steps, report, signals)
        for name, clean_up in clean_ups:
            report.note(name)
            try:
                clean_up()
            except Exception as error:
                report.failed("clean-up", f"{name}: {error}")
        remaining = _look(left, report)
    for each in remaining:
        report.say(f"left      | {each}")
    report.say(f"{len(remaining)} left")
    if remaining:
        return LEFT
    return code or (FAILED if report.has_failed else PASSED)


def _followed(steps: Sequence[Step], report: Report, signals: _Signals) -> int:
    """Run the steps; afterwards signals are held, wherever the first one arrived."""
    try:
        try:
            return _run(steps, report)
        finally:
            signals.hold()
    except KeyboardInterrupt:  # between two steps
        signals.hold()
        report.failed("clean-up", "interrupted")
        return INTERRUPTED


def _run(steps: Sequence[Step], report: Report) -> int:
    for step in steps:
        report.note(step.name)
        try:
            step.run()
        except KeyboardInterrupt:
            report.failed(step.subject, f"{step.name}: interrupted")
            return INTERRUPTED
        except Exception as error:
            report.failed(step.subject, f"{step.name}: {error}")
            return FAILED
    return PASSED


def _look(left: Callable[[], Sequence[str]], report: Report) -> Sequence[str]:
    try:
        return left()
    except Exception as error:
        report.failed("clean-up", f"looking for what is left: {error}")
        return [f"unknown: {error}"]


class _Signals:
    """The first signal raises KeyboardInterrupt; later ones, and all once held, are only noted."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._raises = True
        self._before: dict[signal.Signals, Any] = {}

    def hold(self) -> None:
        self._raises = False

    def __enter__(self) -> _Signals:
        self._before = {number: signal.signal(number, self._arrived) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt
        self._report.note("removing what the run created; this is not interrupted")
