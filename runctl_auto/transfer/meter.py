"""How far a transfer is: files, bytes, rate and time left."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_WINDOW_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """``rate``: bytes a second of late; None where it is not known yet, as ``seconds_left``."""

    files: int
    files_total: int
    bytes: int
    bytes_total: int
    rate: float | None
    seconds_left: float | None

    def as_json(self) -> dict[str, Any]:
        rounded = {
            name: None if value is None else round(value)
            for name, value in (("rate", self.rate), ("seconds_left", self.seconds_left))
        }
        return {**vars(self), **rounded}


class Meter:
    """Counts what was moved. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._files = self._bytes = self._files_total = self._bytes_total = 0
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._at_hand = 0

    def expect(self, files: int, size: int) -> None:
        """Adds to what is to be moved."""
        with self._lock:
            self._files_total += files
            self._bytes_total += size

    def moved(self, size: int, *, files: int = 0) -> None:
        """Counts bytes of files, and files that are complete."""
        with self._lock:
            self._bytes += size
            self._files += files

    def at_hand(self, size: int) -> None:
        """Counts bytes that an earlier command had moved: they are done, but say nothing about the rate."""
        with self._lock:
            self._bytes += size
            self._at_hand += size

    def progress(self) -> Progress:
        """The state now. Called about once a second, since the rate is that between calls."""
        with self._lock:
            now, fresh = self._clock(), self._bytes - self._at_hand
            self._samples.append((now, fresh))
            while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_SECONDS:
                self._samples.popleft()
            since, before = self._samples[0]
            rate = (fresh - before) / (now - since) if now > since and fresh > before else None
            left = max(0, self._bytes_total - self._bytes)
            return Progress(
                files=self._files,
                files_total=self._files_total,
                bytes=self._bytes,
                bytes_total=self._bytes_total,
                rate=rate,
                seconds_left=left / rate if rate else None,
            )
