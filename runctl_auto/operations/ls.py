"""``ls``: the jobs, volumes and snapshots of the backend that fit all filters. Reads only."""

from __future__ import annotations

from runctl_auto.jobs.filters import Filters, wanted_jobs
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.listing import ListedStorage, list_storage


def ls(session: Session, filters: Filters | None = None) -> tuple[ListedJob, ...]:
    """The jobs that fit, by name, with what is known of each, or why nothing is. Blocks."""
    return wanted_jobs(session, filters or Filters(), shown=True)


def ls_storage(session: Session, filters: Filters | None = None) -> tuple[ListedStorage, ...]:
    """The volumes and snapshots that fit, by name; none where a phase or age is asked for. Asks no cloud."""
    filters = filters or Filters()
    if filters.phases or filters.older_than is not None:
        return ()
    return tuple(each for each in list_storage(session) if _fits(filters, each))


def _fits(filters: Filters, storage: ListedStorage) -> bool:
    config = storage.config
    if config is None:
        return filters.fit_owner_and_tags(None, None)
    return filters.fit_owner_and_tags(config.owner, config.tags)
