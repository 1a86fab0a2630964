"""What is read besides the list of jobs, when somebody wants to see it. Safe for several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from runctl_auto.errors import JobNotFoundError, RunctlError
from runctl_auto.jobs.local.everywhere import session_of_job
from runctl_auto.jobs.session import Session
from runctl_auto.pages.looks.all_jobs import AllJobs, Notes
from runctl_auto.pages.looks.costs import Costs, costs
from runctl_auto.pages.looks.leaks import FindLeaks, ShownLeaks, shown_leaks
from runctl_auto.pages.looks.log_tail import LogTail, log_tail
from runctl_auto.pages.looks.look import Look
from runctl_auto.pages.looks.looking import Looking
from runctl_auto.pages.looks.receipts import ShownReceipt, receipts
from runctl_auto.pages.looks.recorded import Recorded, recorded

OLD = timedelta(seconds=30)
PATIENCE_SECONDS = 3.0
LEAKS_SECONDS = 600.0
"""So long what a search for leaks found is shown before it is repeated."""


@dataclass(frozen=True)
class JobDetails:
    """What is read for one job alone. The problems say why something is missing."""

    log: LogTail | None = None
    log_problem: str | None = None
    metrics: Recorded = field(default_factory=Recorded)


@dataclass
class Reading:
    """``looking`` reads all jobs in a thread of its own. Everything else is read by the thread that asks, one
    at a time, except the search for leaks, which goes on beside.
    """

    session: Session
    find_leaks: FindLeaks
    looking: Looking
    in_background: Callable[[Callable[[], None]], None] = lambda work: threading.Thread(
        target=work, name="leaks", daemon=True
    ).start()
    leaks: ShownLeaks | None = None
    leaks_problem: RunctlError | None = None
    _leaks_at: float | None = None
    _costs: tuple[Look, Costs] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, session: Session, find_leaks: FindLeaks = lambda _session: {}) -> Reading:
        """Of a session that nobody else uses."""
        looking = Looking(lambda: AllJobs(session).look, on_demand=True)
        return cls(session.for_reading(Notes()), find_leaks, looking)

    @property
    def look(self) -> Look | None:
        """The newest look, None before the first. Asks for another; waits for it, not long, where this one is
        old."""
        found = self.looking.latest
        if found is not None and self.session.time.now() - found.at > OLD:
            self.looking.look_within(PATIENCE_SECONDS)
        else:
            self.looking.ask()
        return self.looking.latest

    def log(self, look: Look, name: str, after: int | None = None) -> LogTail:
        """The log of a job. Raises ``JobNotFoundError`` and ``CloudError``."""
        if name not in look.jobs:
            raise JobNotFoundError(f"There is no job '{name}'.", where={"job": name})
        with self._lock:
            job = look.jobs[name]
            return log_tail(session_of_job(self.session, job), job, after)

    def details(self, look: Look, name: str) -> JobDetails:
        """What a job's page needs. Raises ``JobNotFoundError``."""
        log, log_problem = None, None
        try:
            log = self.log(look, name)
        except JobNotFoundError:
            raise
        except RunctlError as error:
            log_problem = error.what
        try:
            with self._lock:
                job = look.jobs[name]
                metrics = recorded(session_of_job(self.session, job), job)
        except RunctlError as error:
            metrics = Recorded(problem=error.what)
        return JobDetails(log, log_problem, metrics)

    def costs(self, look: Look) -> Costs:
        """The costs of a look, read once. Raises ``RunctlError``."""
        with self._lock:
            if self._costs is None or self._costs[0] is not look:
                self._costs = (look, costs(self.session, look))
            return self._costs[1]

    def receipts(self) -> tuple[ShownReceipt, ...]:
        return receipts(self.session.folders.private)

    def look_for_leaks(self) -> None:
        """Begins a search unless there was one not long ago. Does not block."""
        now = self.session.time.monotonic()
        with self._lock:
            if self._leaks_at is not None and now - self._leaks_at < LEAKS_SECONDS:
                return
            self._leaks_at = now
        self.in_background(self.search)

    def search(self) -> None:
        """Searches for leaks. Blocks."""
        try:
            self.leaks = shown_leaks(self.find_leaks(self.session.for_reading(Notes())))
            self.leaks_problem = None
        except RunctlError as error:
            self.leaks_problem = error
