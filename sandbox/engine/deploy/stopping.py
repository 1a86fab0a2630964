"""Cancellation inside one operation."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Stop:
    """Tells everyone that an operation stops, because it was cancelled or because something failed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def stopped(self) -> bool:
        """Whether it stops."""
        return self._event.is_set()

    def stop(self) -> None:
        """Stops; again has no effect."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Calls back at the stop; at once when that was before."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()
