"""``ls``: the jobs of the backend that fit all filters. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runctl_auto.jobs.listing import ListedJob, list_jobs
from runctl_auto.jobs.session import Session
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

    def fit_phase(self, phase: str | None) -> bool:
        return not self.phases or phase in self.phases


def ls(session: Session, filters: Filters | None = None) -> tuple[ListedJob, ...]:
    """The jobs that fit, by name, with what is known of each, or why nothing is. Blocks."""
    filters = filters or Filters()
    found = list_jobs(session, filters.fit_config)
    return tuple(each for each in found if filters.fit_phase(each.phase))
