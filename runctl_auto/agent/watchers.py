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
)
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.keys import stop_key
from runctl_auto.agent.pace import Pace
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.untrusted import UnreadableError, number, read_object, text

_NOTICE = "meta-data/spot/instance-action"
_REBALANCE = "meta-data/events/recommendations/rebalance"

INTERRUPTION_EVERY_SECONDS = 5.0
STOP_PACE = Pace(first=3.0, later=LATER_STOP_SECONDS)
LIMITS_EVERY_SECONDS = 5.0
SHORTEST_NOTICE_GRACE = 10.0
LONGEST_NOTICE_GRACE = 90.0
NOTICE_SECONDS = 120.0
"""What a notice leaves when it does not state its time."""
LONGEST_GRACE = 86_400.0
UPLOAD_RESERVE_SECONDS = 30.0
"""Kept for the last checkpoint, at least."""
UPLOAD_MARGIN = 1.25
"""The last checkpoint may take this much longer to upload than the one before."""
LAST_WORDS_SECONDS = 10.0
"""Kept for the end of the log and the status: nothing else is uploaded then."""
LAST_WORDS_SHARE = 0.25
"""Of a notice that leaves little time, at most this much is kept for them."""


class Metadata(Protocol):
    """The part of the instance metadata service that is used here."""

    def get(self, path: str) -> str | None: ...


class InterruptionWatcher:
    """Polls the metadata service for an interruption of the machine by the cloud.

    `limit` is set to end the upload of checkpoints before the machine is gone. `upload_seconds` returns how
    long the checkpoint before took to upload: the job has to leave so much earlier.
    """

    def __init__(
        self,
        metadata: Metadata,
        switch: StopSwitch,
        clock: Callable[[], float] = time.time,
        *,
        limit: TimeLimit | None = None,
        upload_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._metadata = metadata
        self._switch = switch
        self._clock = clock
        self._limit = limit
        self._upload_seconds = upload_seconds
        self._is_noticed = False

    def look(self) -> None:
        if self._is_noticed:
            return
        notice = self._metadata.get(_NOTICE)
        if not notice:
            return
        self._is_noticed = True
        action, at = _notice(notice)
        now = self._clock()
        ends_at = now + NOTICE_SECONDS if at is None else at
        last_words = min(LAST_WORDS_SECONDS, max(0.0, ends_at - now) * LAST_WORDS_SHARE)
        if self._limit is not None:
            self._limit.set(ends_at - last_words)
        reserve = max(UPLOAD_RESERVE_SECONDS, self._upload_seconds() * UPLOAD_MARGIN + last_words)
        grace = min(max(ends_at - now - reserve, SHORTEST_NOTICE_GRACE), LONGEST_NOTICE_GRACE)
        message = f"the cloud takes the machine back ({action})"
        request = StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, message, grace, ends_at=ends_at)
        self._switch.set(request)


class RebalanceWatcher:
    """Polls for the cloud's recommendation to leave the machine, which a notice often follows: saves a
    checkpoint at once, and lets the job go on.

    `save` saves one and tells what it did; if it raises, the next look repeats it.
    """

    def __init__(
        self,
        metadata: Metadata,
        switch: StopSwitch,
        save: Callable[[], str],
        say: Callable[[str], None],
    ) -> None:
        self._metadata = metadata
        self._switch = switch
        self._save = save
        self._say = say
        self._answered: str | None = None

    def look(self) -> None:
        notice = self._metadata.get(_REBALANCE)
        if not notice or notice == self._answered or self._is_ending():
            return
        told = self._save()
        self._answered = notice
        self._say(f"the cloud may take the machine back soon (rebalance recommendation): {told}")

    def _is_ending(self) -> bool:
        """Whether the job is to stop, or will be at the next look at the notice."""
        return self._switch.request is not None or bool(self._metadata.get(_NOTICE))


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
