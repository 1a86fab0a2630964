"""A limit on bytes a second, shared by all connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from runctl_auto.errors import UsageError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


def rate_of(text: str) -> int:
    """Bytes a second of ``50MB``, ``800k``, ``1GiB``, also with ``/s``. Raises ``UsageError``."""
    plain = text.strip().lower().removesuffix("/s").removesuffix("b").strip()
    number = plain.rstrip("kmgi")
    unit = plain[len(number) :]
    try:
        rate = int(float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        rate = 0
    if rate < 1:
        raise UsageError(f"{text!r} is no bandwidth.", next_step="Bytes a second, such as 50MB or 800kB.")
    return rate


class Pace:
    """Lets ``rate`` bytes a second pass, in all threads together; None for no limit."""

    def __init__(
        self,
        rate: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, count: int) -> None:
        """Blocks until ``count`` more bytes may pass."""
        if self.rate is None:
            return
        with self._lock:
            now = self._clock()
            start = max(now, self._free_at)
            self._free_at = start + count / self.rate
        if start > now:
            self._sleep(start - now)
