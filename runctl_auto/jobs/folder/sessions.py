"""Sessions for the threads in which entries are planned and applied."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from runctl_auto.jobs.reporting import Reporter
from runctl_auto.jobs.session import Session


class JobReporter(Reporter, Protocol):
    """A reporter of one job after the other, whose name is told with everything."""

    def about(self, job: str) -> None:
        """What follows is of this job."""


class ThreadSessions:
    """A session for each thread that asks for one. ``new_reporter`` makes the reporter of a thread."""

    def __init__(self, session: Session, new_reporter: Callable[[], JobReporter]) -> None:
        self._session = session
        self._new_reporter = new_reporter
        self._held = threading.local()

    def of(self, job: str) -> Session:
        """The session of this thread, which tells what follows of ``job``."""
        if not hasattr(self._held, "session"):
            reporter = self._new_reporter()
            self._held.session = self._session.beside(reporter)
            self._held.reporter = reporter
        reporter = self._held.reporter
        reporter.about(job)
        session: Session = self._held.session
        return session
