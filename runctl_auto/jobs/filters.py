"""Which jobs of the backend a command is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runctl_auto.jobs.listing import ListedJob, list_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.stack.config import StackConfig


@dataclass(frozen=True)
class Filters:
    """Which jobs are wanted: those that fit all that is given. A tag's value None stands for any value.

    ``older_than``: seconds since the run started, or, when that is not known, since the job's newest
    resource was made.
    """

    tags: Mapping[str, str | None] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    phases: frozenset[str] = frozenset()
    older_than: float | None = None

    @property
    def choose(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.tags or self.projects or self.owners or self.phases) or self.older_than is not None

    def fit_config(self, config: StackConfig | None) -> bool:
        if config is None:
            return self.fit_owner_and_tags(None, None)
        return self.fit_owner_and_tags(config.owner, config.job.tags)

    def fit_owner_and_tags(self, owner: str | None, tags: Mapping[str, str] | None) -> bool:
        """Whether a job, volume or snapshot of this owner with these tags fits; None: they are not known."""
        if self.projects and PROJECT_NAME not in self.projects:
            return False
        if owner is None or tags is None:
            return not (self.tags or self.owners)
        if self.owners and owner not in self.owners:
            return False
        return all(key in tags and value in (None, tags[key]) for key, value in self.tags.items())

    def fit_phase(self, phase: str | None) -> bool:
        return not self.phases or phase in self.phases

    def fit_age(self, began: datetime | None, now: datetime) -> bool:
        """Whether a job that ``began`` then is old enough; one of which that is not known is not."""
        if self.older_than is None:
            return True
        return began is not None and (now - began).total_seconds() > self.older_than


def wanted_jobs(session: Session, filters: Filters, *, shown: bool = False) -> tuple[ListedJob, ...]:
    """The jobs that fit, by name, with what is known of each, or why nothing is; ``shown`` as in
    ``list_jobs``. Blocks.
    """
    now = session.time.now()
    return tuple(
        each
        for each in list_jobs(session, filters.fit_config, shown=shown)
        if filters.fit_phase(each.phase) and filters.fit_age(each.began_at, now)
    )
