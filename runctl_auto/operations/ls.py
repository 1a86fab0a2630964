"""``ls``: the jobs, volumes and snapshots of the backend that fit all filters. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runctl_auto.jobs.listing import ListedJob, list_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage_listing import ListedStorage, list_storage
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.stack.config import StackConfig


@dataclass(frozen=True)
class Filters:
    """Which jobs are wanted: those that fit all that is given. A tag's value None stands for any value."""

    tags: Mapping[str, str | None] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    phases: frozenset[str] = frozenset()

    def fit_config(self, config: StackConfig | None) -> bool:
        if self.projects and PROJECT_NAME not in self.projects:
            return False
        if config is None:
            return not (self.tags or self.owners)
        if self.owners and config.owner not in self.owners:
            return False
        return all(
            key in config.job.tags and value in (None, config.job.tags[key])
            for key, value in self.tags.items()
        )

    def fit_storage(self, storage: ListedStorage) -> bool:
        """Whether a volume or snapshot is wanted: it has no phase."""
        if self.phases or (self.projects and PROJECT_NAME not in self.projects):
            return False
        config = storage.config
        if config is None:
            return not (self.tags or self.owners)
        if self.owners and config.owner not in self.owners:
            return False
        return all(
            key in config.tags and value in (None, config.tags[key]) for key, value in self.tags.items()
        )

    def fit_phase(self, phase: str | None) -> bool:
        return not self.phases or phase in self.phases


def ls(session: Session, filters: Filters | None = None) -> tuple[ListedJob, ...]:
    """The jobs that fit, by name, with what is known of each, or why nothing is. Blocks."""
    filters = filters or Filters()
    found = list_jobs(session, filters.fit_config)
    return tuple(each for each in found if filters.fit_phase(each.phase))


def ls_storage(session: Session, filters: Filters | None = None) -> tuple[ListedStorage, ...]:
    """The volumes and snapshots that fit, by name; none where a phase is asked for. Asks no cloud."""
    filters = filters or Filters()
    return (
        () if filters.phases else tuple(each for each in list_storage(session) if filters.fit_storage(each))
    )
