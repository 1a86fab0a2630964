"""``ls``: the jobs of the backend that fit all filters. Reads only."""

from __future__ import annotations

from runctl_auto.jobs.filters import Filters, wanted_jobs
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session


def ls(session: Session, filters: Filters | None = None) -> tuple[ListedJob, ...]:
    """The jobs that fit, by name, with what is known of each, or why nothing is. Blocks."""
    return wanted_jobs(session, filters or Filters())
