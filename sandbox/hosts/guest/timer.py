"""Calculates when a timer elapses, and waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.hosts.guest.unit_files import TimerUnit

_LONGEST_WAIT = 30.0
"""Seconds after which a waiting timer checks the clocks again; the wall clock may have been set."""


@dataclass(frozen=True)
class Moments:
    """The times that a timer counts from, on the monotonic clock except `wall`; None: has not happened."""

    now: float
    wall: float
    boot: float
    activated: float
    unit_active: float | None
    unit_inactive: float | None
    stamp: float
    """Wall time of the last calendar run, or of the timer's first activation."""
    elapsed: float | None = None
    """When the timer last elapsed since its activation."""


def next_elapse(timer: TimerUnit, moments: Moments) -> float | None:
    """Monotonic time at which the timer elapses next; None: never.

    A calendar time in the past counts when the timer is persistent and was first active before that time.
    """
    candidates = [moments.boot + span for span in timer.on_boot]
    candidates += [moments.activated + span for span in timer.on_active]
    calendar = [when for when in timer.on_calendar if when > _calendar_base(timer, moments)]
    candidates += [moments.now + (when - moments.wall) for when in calendar]
    if moments.unit_active is not None:
        candidates += [moments.unit_active + span for span in timer.on_unit_active]
    if moments.unit_inactive is not None:
        candidates += [moments.unit_inactive + span for span in timer.on_unit_inactive]
    ahead = [when for when in candidates if moments.elapsed is None or when > moments.elapsed]
    return min(ahead, default=None)


def _calendar_base(timer: TimerUnit, moments: Moments) -> float:
    if (
        moments.elapsed is not None
    ):  # calendar times are whole seconds: one second covers the drift between the clocks
        return moments.wall - (moments.now - moments.elapsed) + 1
    if timer.persistent:
        return moments.stamp
    return moments.wall - (moments.now - moments.activated)


class Timer:
    """One active timer of a host: starts its unit each time it elapses."""

    def __init__(
        self,
        unit: TimerUnit,
        stamps: Path,
        boot: float,
        start_unit: Callable[[str], Awaitable[bool]],
        unit_times: Callable[[str], tuple[float | None, float | None]],
    ) -> None:
        self.unit = unit
        self.state = "inactive"
        self.next: float | None = None
        self._stamp = stamps / f"stamp-{unit.head.name}"
        self._boot = boot
        self._start_unit = start_unit
        self._unit_times = unit_times
        self._task: asyncio.Task[None] | None = None
        self._last: float | None = None

    @property
    def name(self) -> str:
        return self.unit.head.name

    @property
    def substate(self) -> str:
        if self.state != "active":
            return "dead"
        return "waiting" if self.next is not None else "elapsed"

    def activate(self) -> None:
        """Start waiting; an active timer starts over."""
        self.deactivate()
        if self.unit.persistent and not self._stamp.exists():
            self._stamp.parent.mkdir(parents=True, exist_ok=True)
            self._stamp.touch()
        self.state = "active"
        self._task = asyncio.get_running_loop().create_task(self._wait(time.monotonic()))

    def deactivate(self) -> None:
        if self._task:
            self._task.cancel()
        self._task, self.next, self.state, self._last = None, None, "inactive", None

    async def _wait(self, activated: float) -> None:
        while True:
            self.next = next_elapse(self.unit, self._moments(activated))
            now = time.monotonic()
            if self.next is None:
                if not (self.unit.on_unit_active or self.unit.on_unit_inactive):
                    return
                await asyncio.sleep(1)
            elif self.next > now:
                await asyncio.sleep(min(self.next - now, _LONGEST_WAIT))
            else:
                self._last = now
                if self.unit.persistent:
                    self._stamp.touch()
                await self._start_unit(self.unit.unit)

    def _moments(self, activated: float) -> Moments:
        active, inactive = self._unit_times(self.unit.unit)
        wall = time.time()
        stamp = self._stamp.stat().st_mtime if self.unit.persistent and self._stamp.exists() else wall
        return Moments(time.monotonic(), wall, self._boot, activated, active, inactive, stamp, self._last)
