"""Due one-time schedules, and retries of failed calls.

Independent of moto, clocks and threads: callers hold the cloud's lock, pass the time through `clock`, and
call `fire` at `next_deadline`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TARGET = re.compile(r"^arn:[a-z-]+:scheduler:::aws-sdk:ec2:terminateInstances$")
_AT = re.compile(r"^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$")
_LONGEST_PAUSE = 60.0


class NotCarriedOut(Exception):
    """A schedule that AWS accepts and the sandbox does not support; the message says why."""


@dataclass(frozen=True)
class ScheduledCall:
    """One schedule in the cloud. `due` is in seconds since 1970, `age` the seconds after it during which a
    failed call is retried, `retries` the maximum number of retries. `version` differs after each change."""

    arn: str
    version: str
    due: float
    retries: int
    age: float


@dataclass
class _Progress:
    """State of a schedule's calls; `next` is None once it is finished."""

    next: float | None
    calls: int = 0


class ScheduledCalls:
    """All one-time schedules of the cloud. `listed` returns those enabled; `invoke` runs one and returns its
    error, or None."""

    def __init__(
        self,
        clock: Callable[[], float],
        listed: Callable[[], Iterable[ScheduledCall]],
        invoke: Callable[[ScheduledCall], str | None],
    ) -> None:
        self._clock = clock
        self._listed = listed
        self._invoke = invoke
        self._progress: dict[tuple[str, str], _Progress] = {}

    def next_deadline(self) -> float | None:
        """When `fire` is due next; None when no call is pending."""
        waiting = (self._of(each).next for each in self._listed())
        return min((when for when in waiting if when is not None), default=None)

    def fire(self) -> None:
        """Run every due call."""
        now, calls = self._clock(), list(self._listed())
        known = {(each.arn, each.version) for each in calls}
        self._progress = {key: kept for key, kept in self._progress.items() if key in known}
        for each in calls:
            progress = self._of(each)
            if progress.next is not None and progress.next <= now:
                self._call(each, progress, now)

    def _call(self, each: ScheduledCall, progress: _Progress, now: float) -> None:
        progress.calls += 1
        wrong = self._invoke(each)
        again = now + min(2.0 ** (progress.calls - 1), _LONGEST_PAUSE)
        gives_up = wrong is None or progress.calls > each.retries or again > each.due + each.age
        progress.next = None if gives_up else again

    def _of(self, each: ScheduledCall) -> _Progress:
        return self._progress.setdefault((each.arn, each.version), _Progress(each.due))


def time_of(expression: str, zone: str | None) -> float:
    """Time in seconds since 1970 of a one-time expression. Raises NotCarriedOut for others."""
    matched = _AT.match(expression or "")
    if matched is None:
        raise NotCarriedOut(
            f"the sandbox's scheduler knows one-time schedules only, at(...), not {expression}"
        )
    try:
        place = ZoneInfo(zone) if zone and zone != "UTC" else timezone.utc
        return datetime.fromisoformat(matched[1]).replace(tzinfo=place).timestamp()
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise NotCarriedOut(f"the schedule's time {expression} in {zone} cannot be read: {error}") from error


def instances_of(target: Mapping[str, Any]) -> list[str]:
    """The instances that a target terminates. Raises NotCarriedOut for any other target."""
    if not TARGET.match(str(target.get("Arn", ""))):
        raise NotCarriedOut(
            f"the sandbox's scheduler calls ec2:terminateInstances only, not {target.get('Arn')}"
        )
    try:
        named = json.loads(target.get("Input") or "{}")["InstanceIds"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotCarriedOut(f"the target's input names no InstanceIds: {target.get('Input')}") from error
    return [str(each) for each in named]


def refuse_what_is_not_carried_out(schedule: Mapping[str, Any]) -> None:
    """Raise NotCarriedOut for a schedule (parameters as in CreateSchedule) that would never run here."""
    time_of(schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone"))
    instances_of(schedule["Target"])
    if schedule.get("FlexibleTimeWindow", {}).get("Mode") != "OFF":
        raise NotCarriedOut("the sandbox's scheduler knows no flexible time window; its Mode is to be OFF")
