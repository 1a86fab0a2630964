"""Looks at all jobs again and again, in a thread of its own, and no more often than is cheap."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runctl_auto.errors import RunctlError

if TYPE_CHECKING:
    from runctl_auto.pages.looks.look import Look

MOST_SHARE = 0.02
"""How much of one core's time looking may take on average."""
LEAST_PAUSE_SECONDS = 5.0
MOST_PAUSE_SECONDS = 120.0


@dataclass
class Looking:
    """``open_look`` is called once, in the thread, and gives what looks; ``tell`` hears in the thread that
    there is a new look or problem. ``latest`` is the newest look, None before the first; ``problem`` says
    why the last attempt failed. ``on_demand``: after the first it looks only when somebody asks. ``cpu``
    counts seconds of this process.
    """

    open_look: Callable[[], Callable[[], Look]]
    tell: Callable[[], None] = lambda: None
    on_demand: bool = False
    cpu: Callable[[], float] = time.process_time
    latest: Look | None = None
    problem: RunctlError | None = None
    _ended: threading.Event = field(default_factory=threading.Event)
    _wanted: threading.Event = field(default_factory=threading.Event)
    _looked: threading.Condition = field(default_factory=threading.Condition)

    def start(self) -> None:
        """Begins. The thread ends with the process, or after ``stop``."""
        threading.Thread(target=self._run, name="looking", daemon=True).start()

    def ask(self) -> None:
        """Asks for a look: now, or on demand after the pause. Does not block."""
        self._wanted.set()

    def look_within(self, seconds: float) -> None:
        """Asks for a look, and waits at most so long until it is there, or has failed."""
        with self._looked:
            self.ask()
            self._looked.wait(seconds)

    def stop(self) -> None:
        """Ends after the look that is under way. Does not block."""
        self._ended.set()
        self._wanted.set()

    def _run(self) -> None:
        look: Callable[[], Look] | None = None
        while not self._ended.is_set():
            self._wanted.clear()
            began = self.cpu()
            try:
                look = look or self.open_look()
                self.latest, self.problem = look(), None
            except RunctlError as error:
                self.problem = error
            except Exception as error:  # a look that fails must not end all later ones
                what = f"Something unexpected went wrong: {type(error).__name__}: {error}"
                self.problem = RunctlError(what)
            with self._looked:
                self._looked.notify_all()
            self.tell()
            self._rest(pause_after(self.cpu() - began))

    def _rest(self, seconds: float) -> None:
        if self.on_demand:
            self._ended.wait(seconds)
            self._wanted.wait()
        else:
            self._wanted.wait(seconds)


def pause_after(cpu_seconds: float) -> float:
    """How long to wait after a look that took so much time of a core."""
    wanted = cpu_seconds * (1 - MOST_SHARE) / MOST_SHARE
    return min(MOST_PAUSE_SECONDS, max(LEAST_PAUSE_SECONDS, wanted))
