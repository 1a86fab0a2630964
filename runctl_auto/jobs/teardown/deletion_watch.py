"""Reports deletions that take long, each with the reason."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runctl_auto.engine.events import EngineEvent, StepEvent

LONG_SECONDS = 10.0
AGAIN_SECONDS = 60.0
LOOK_SECONDS = 1.0

Reason = Callable[[StepEvent], str]
"""Why a deletion takes long. Makes requests."""


@dataclass
class _Deletion:
    step: StepEvent
    began: float
    next_report: float


class DeletionWatch:
    """Follows an operation of the engine by its events. ``hear`` and ``look`` may run in different threads.

    A deletion is reported after ten seconds and then once a minute, with its ``reason``. ``clock`` counts
    seconds.
    """

    def __init__(self, reason: Reason, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._reason = reason
        self._say = say
        self._clock = clock
        self._deletions: dict[str, _Deletion] = {}
        self._lock = threading.Lock()

    def hear(self, event: EngineEvent) -> None:
        """Takes notice of an event."""
        if not isinstance(event, StepEvent) or not event.physical_id:
            return
        with self._lock:
            if event.stage == "started" and event.operation in ("delete", "delete-replaced"):
                now = self._clock()
                self._deletions[event.urn] = _Deletion(event, now, now + LONG_SECONDS)
            else:
                self._deletions.pop(event.urn, None)

    def look(self) -> None:
        """Reports the deletions that have become due."""
        now = self._clock()
        with self._lock:
            due = [each for each in self._deletions.values() if now >= each.next_report]
            for each in due:
                each.next_report = now + AGAIN_SECONDS
        for each in due:
            step = each.step
            self._say(
                f"still deleting {step.name} ({step.physical_id}) after {now - each.began:.0f} s: "
                f"{self._reason(step)}"
            )


@contextmanager
def watching(watch: DeletionWatch) -> Iterator[None]:
    """Within it ``watch`` looks every second, in a thread of its own."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(LOOK_SECONDS):
            watch.look()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
