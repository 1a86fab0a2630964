"""Ctrl-C and SIGTERM for a command that runs elsewhere: passed on instead of ending the one here."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STRONGER = ("INT", "TERM", "KILL")
"""What each Ctrl-C sends, one after the other; a fourth one ends the command here."""


class PassedSignals:
    """Collects signals once ``begin`` was called; before, Ctrl-C interrupts as always."""

    def __init__(self) -> None:
        self._begun = False
        self._presses = 0
        self._waiting: deque[str] = deque()

    def begin(self) -> None:
        self._begun = True

    def take(self) -> str | None:
        """As ``operations.exec.Signals`` says."""
        if self._presses > len(_STRONGER):
            raise KeyboardInterrupt
        return self._waiting.popleft() if self._waiting else None

    def interrupted(self, _number: int = signal.SIGINT, _frame: FrameType | None = None) -> None:
        if not self._begun:
            raise KeyboardInterrupt
        if self._presses < len(_STRONGER):
            self._waiting.append(_STRONGER[self._presses])
        self._presses += 1

    def terminated(self, _number: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        if not self._begun:
            raise KeyboardInterrupt
        self._waiting.append("TERM")


@contextmanager
def passed_signals() -> Iterator[PassedSignals]:
    """Takes both signals while the context is open. In the main thread only."""
    passed = PassedSignals()
    before = [
        (number, signal.signal(number, handler))
        for number, handler in ((signal.SIGINT, passed.interrupted), (signal.SIGTERM, passed.terminated))
    ]
    try:
        yield passed
    finally:
        for number, handler in before:
            signal.signal(number, handler)
