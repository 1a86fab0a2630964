"""What may end the job early: a spot interruption, a stop request, the limits of the run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from runctl_auto.agent.contract import (
    GRACE_SECONDS,
    LATER_STOP_SECONDS,
    MOST_NOTE,
    MOST_REQUEST_BYTES,
    STOP_BEFORE_DEADLINE_SECONDS,
    STOP_REASONS,
    Phase,
    Reason,
    stop_key,
)
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.pace import Pace
from runctl_auto.agent.stopping import StopRequest, StopSwitch
from runctl_auto.agent.store import Store
from runctl_auto.agent.untrusted import UnreadableError, number, read_object, text

INTERRUPTION_EVERY_SECONDS = 5.0
STOP_PACE = Pace(first=3.0, later=LATER_STOP_SECONDS)
LIMITS_EVERY_SECONDS = 5.0
SHORTEST_NOTICE_GRACE = 10.0
LONGEST_NOTICE_GRACE = 90.0
LONGEST_GRACE = 86_400.0
UPLOAD_RESERVE_SECONDS = 30.0


class Metadata(Protocol):
    """The part of the instance metadata service that is used here."""

    def get(self, path: str) -> str | None: ...


class InterruptionWatcher:
    """Polls the metadata service for an interruption of the machine by the cloud."""

    def __init__(
        self, metadata: Metadata, switch: StopSwitch, clock: Callable[[], float] = time.time
    ) -> None:
        self._metadata = metadata
        self._switch = switch
        self._clock = clock

    def look(self) -> None:
        notice = self._metadata.get("meta-data/spot/instance-action")
        if not notice:
            return
        action, at = _notice(notice)
        left = LONGEST_NOTICE_GRACE if at is None else at - self._clock() - UPLOAD_RESERVE_SECONDS
        grace = min(max(left, SHORTEST_NOTICE_GRACE), LONGEST_NOTICE_GRACE)
        message = f"the cloud takes the machine back ({action})"
        self._switch.set(StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, message, grace))


class StopRequestWatcher:
    """Polls for the request to stop the run."""

    def __init__(self, store: Store, run: str, switch: StopSwitch) -> None:
        self._store = store
        self._key = stop_key(run)
        self._switch = switch

    def look(self) -> None:
        try:
            content = self._store.find(self._key, MOST_REQUEST_BYTES)
        except IntegrityError:
            content = b""
        if content is None:
            return
        reason, grace = _wish(content)
        self._switch.set(StopRequest(Phase.STOPPED, reason, f"stopped on request ({reason})", grace))


@dataclass(frozen=True)
class Limits:
    """Limits of a run: seconds of all its machines together, and the time at which this one ends.

    `budget_seconds` is how long the budget pays for a machine of this price.
    """

    max_duration: float | None = None
    budget_seconds: float | None = None
    deadline_at: float | None = None


class LimitWatcher:
    """Compares the run's use so far with its limits."""

    def __init__(
        self,
        spent: Callable[[], float],
        limits: Limits,
        switch: StopSwitch,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spent = spent
        self._limits = limits
        self._switch = switch
        self._clock = clock

    def look(self) -> None:
        limits = self._limits
        reason: str = Reason.MAX_DURATION
        if limits.max_duration is not None and self._spent() >= limits.max_duration:
            message = f"the run reached its max_duration of {limits.max_duration:.0f} s"
        elif limits.budget_seconds is not None and self._spent() >= limits.budget_seconds:
            reason = Reason.BUDGET
            message = f"the run has spent its budget, which pays for {limits.budget_seconds:.0f} s"
        elif (
            limits.deadline_at is not None
            and self._clock() >= limits.deadline_at - STOP_BEFORE_DEADLINE_SECONDS
        ):
            message = "the machine reached its hard deadline"
        else:
            return
        self._switch.set(StopRequest(Phase.STOPPED, reason, message))


def _notice(text: str) -> tuple[str, float | None]:
    try:
        data: dict[str, Any] = json.loads(text)
        at = datetime.strptime(str(data["time"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        return str(data.get("action")), at.timestamp()
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unknown", None


def _wish(content: bytes) -> tuple[str, float]:
    """A stop request that cannot be read still stops the run, with the defaults."""
    try:
        found = read_object(content, MOST_REQUEST_BYTES)
        reason = found.needed("reason", text(MOST_NOTE))
        grace = found.given("grace_seconds", number(-LONGEST_GRACE, LONGEST_GRACE))
    except UnreadableError:
        return Reason.USER, GRACE_SECONDS
    grace = GRACE_SECONDS if grace is None else max(0.0, grace)
    return (reason if reason in STOP_REASONS else Reason.USER), grace
