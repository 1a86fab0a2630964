"""Tells what happens to many jobs at once: a line a step, with the job's name before it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runctl_auto.cli.progress import line_for
from runctl_auto.jobs.reporting import NobodyThere

if TYPE_CHECKING:
    from runctl_auto.cli.console import Console
    from runctl_auto.engine.events import EngineEvent


class JobReporter(NobodyThere):
    """The reporter of one thread. ``lock`` is held while a line is written; all threads share it.

    Steps of the engine are told where they fail, all of them with ``-v``. It asks nobody: whoever uses it was
    confirmed before. Runs are not followed, and the plan of a folder is told as a whole.
    """

    def __init__(self, console: Console, lock: threading.Lock) -> None:
        self._console = console
        self._lock = lock
        self._job = ""

    def about(self, job: str) -> None:
        self._job = job

    def say(self, text: str) -> None:
        with self._lock:
            self._console.say(f"{self._job}: {text}")

    def engine_event(self, event: EngineEvent) -> None:
        text = line_for(event)
        if text is not None and (self._console.verbose or text.startswith(("!", "warning"))):
            self.say(text)

    def engine_output(self, line: str) -> None:
        if self._console.verbose:
            self.say(line.rstrip("\n"))

    @contextmanager
    def working(self, title: str, *, after: float = 0.0) -> Iterator[None]:
        """Told at once when it surely lasts; what may be short is told with ``-v``."""
        if not after or self._console.verbose:
            self.say(title)
        yield
