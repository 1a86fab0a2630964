"""Cancellable work: waits end immediately on cancellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class CancelledError(Exception):
    """The engine has cancelled the request; operations begun in the cloud are left as they are."""


class Clock(Protocol):
    """A clock for waits, replaced in tests to avoid waiting."""

    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for the event, at most `seconds`; True when the event is set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


class Cancellation:
    """One operation in progress."""

    def __init__(self, clock: Clock) -> None:
        self._event = threading.Event()
        self._clock = clock

    def cancel(self) -> None:
        """Request cancellation; never blocks."""
        self._event.set()

    def check(self) -> None:
        """Raise CancelledError when cancellation was requested."""
        if self._event.is_set():
            raise CancelledError("the operation was cancelled")

    def pause(self, seconds: float) -> None:
        """Wait; raises CancelledError immediately on cancellation."""
        self.check()
        if self._clock.wait(self._event, seconds):
            self.check()

    def now(self) -> float:
        """Seconds on this work's clock."""
        return self._clock.now()

    def poll(self, probe: Callable[[], bool], *, interval: float, timeout: float) -> bool:
        """Poll until `probe` returns True; False on timeout. Raises CancelledError on cancellation."""
        deadline = self.now() + timeout
        while not probe():
            if self.now() >= deadline:
                return False
            self.pause(interval)
        return True
