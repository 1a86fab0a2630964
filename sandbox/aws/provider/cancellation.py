"""Work that can be told to stop: waits end at once when it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class CancelledError(Exception):
    """The engine has withdrawn the request; what was begun in the cloud stays as it is."""


class Clock(Protocol):
    """Time as waits need it, so that tests can pass it without waiting."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event or for the seconds; true when the event has come."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


class Cancellation:
    """One piece of work in flight."""

    def __init__(self, clock: Clock) -> None:
        self._event = threading.Event()
        self._clock = clock

    def cancel(self) -> None:
        """Tell the work to stop; never blocks."""
        self._event.set()

    def check(self) -> None:
        """Raise CancelledError when the work has been told to stop."""
        if self._event.is_set():
            raise CancelledError("the operation was cancelled")

    def pause(self, seconds: float) -> None:
        """Wait; raises CancelledError as soon as the work is told to stop."""
        self.check()
        if self._clock.wait(self._event, seconds):
            self.check()

    def now(self) -> float:
        """Seconds on the work's clock."""
        return self._clock.now()

    def poll(self, probe: Callable[[], bool], *, interval: float, timeout: float) -> bool:
        """Probe until it says true; false when the time is over. Raises CancelledError when told to stop."""
        deadline = self.now() + timeout
        while not probe():
            if self.now() >= deadline:
                return False
            self.pause(interval)
        return True
