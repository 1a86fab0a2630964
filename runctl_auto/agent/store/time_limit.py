"""A moment after which nothing is transferred: the cloud has announced when it takes the machine back."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runctl_auto.agent.errors import OutOfTimeError


class TimeLimit:
    """No limit until `set`. `clock` is in seconds since the epoch. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: float | None = None
        self._lock = threading.Lock()
        self._sent = 0

    def set(self, until: float) -> None:
        """Nothing is transferred after `until`; of several limits the first counts."""
        with self._lock:
            self._until = until if self._until is None else min(self._until, until)

    def left(self) -> float:
        """Seconds that are left; infinite without a limit."""
        until = self._until
        return float("inf") if until is None else max(0.0, until - self._clock())

    def check(self) -> None:
        """Raises OutOfTimeError when no time is left."""
        if not self.left():
            raise OutOfTimeError("the time until the machine is taken back is used up")

    def count(self, sent: int) -> None:
        with self._lock:
            self._sent += sent

    @property
    def sent(self) -> int:
        """Bytes of bodies that were sent."""
        return self._sent
