"""Waits for a condition by asking again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

_PAUSE_SECONDS = 0.01


def until(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Returns once ``condition`` holds; fails when it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
        time.sleep(_PAUSE_SECONDS)
