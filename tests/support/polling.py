"""Waits for a condition by polling."""

from __future__ import annotations

import time
from collections.abc import Callable

_PAUSE_SECONDS = 0.01


def until(condition: Callable[[], object], *, seconds: float = 60.0, pause: float = _PAUSE_SECONDS) -> None:
    """Return once ``condition`` holds; fail when it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
        time.sleep(pause)
