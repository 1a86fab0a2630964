"""What is known of jobs from one look at all of them to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runctl_auto.backend.kept_summaries import SummariesInMemory
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.job import parse_config
from runctl_auto.stack.config import StackConfig

if TYPE_CHECKING:
    from runctl_auto.engine.driver import JobSummary
    from runctl_auto.jobs.session import Session


class KnownJobs:
    """The summaries and configurations of jobs that have not changed since they were read. Not to be shared
    between threads.
    """

    def __init__(self) -> None:
        self.summaries = SummariesInMemory()
        self._configs: dict[str, tuple[Any, StackConfig | None]] = {}

    def begin(self, jobs: Sequence[JobSummary]) -> None:
        """Forgets jobs that are not among ``jobs``."""
        present = {each.name for each in jobs}
        self._configs = {job: known for job, known in self._configs.items() if job in present}

    def config(self, session: Session, summary: JobSummary) -> StackConfig | RunctlError | None:
        """The configuration of a job; None if it was never set up, the error if it cannot be read.

        It is read again when the stack or its settings file was written, and while a command works on it.
        """
        job = summary.name
        version = (summary, session.driver.config_version(job))
        held = self._configs.get(job)
        if held is not None and held[0] == version and not summary.busy:
            return held[1]
        found = read_config(session, summary)
        if not isinstance(found, RunctlError):
            self._configs[job] = (version, found)
        return found


def read_config(session: Session, summary: JobSummary) -> StackConfig | RunctlError | None:
    """The configuration of a job; None if it was never set up, the error if it cannot be read."""
    try:
        return parse_config(session.driver.config_of(summary.name))
    except RunctlError as error:
        return error
