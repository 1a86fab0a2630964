"""What is known of a job's run at one moment, as listing, status and description all tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.charges import CLOCKS_DIFFER, SILENT, HeldVolume, JobRecords
from runctl_auto.cost.spent import Spent, spent
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.contract import Machine
from runctl_auto.run.status import LOST, RunStatus
from runctl_auto.stack.config import StackConfig


@dataclass(frozen=True)
class RunFacts:
    """A job's configuration and the status of its run, seen at ``now``.

    ``machine_runs`` is what the cloud says of the machine; None when it was not asked. The rest is for the
    cost: the statuses of the runs ``earlier``, the job's own ``volumes``, what the cloud told of ``machines``
    by id, the ``machine`` in the state and the ``other_machines`` there, and whether anything of
    that is ``unread``.
    """

    config: StackConfig
    status: RunStatus | None
    now: datetime
    machine_runs: bool | None = None
    earlier: tuple[RunStatus, ...] = ()
    volumes: tuple[HeldVolume, ...] = ()
    machines: Mapping[str, Machine] = field(default_factory=dict)
    machine: str | None = None
    other_machines: tuple[str, ...] = ()
    unread: bool = False

    @property
    def phase(self) -> str | None:
        """The run's phase, ``lost`` when its machine ended before it; None before the agent's first word."""
        if self.status is None:
            return None
        goes_on = not self.status.ended and self.status.phase != Phase.INTERRUPTED
        return LOST if goes_on and self.machine_runs is False else self.status.phase

    @property
    def is_silent(self) -> bool:
        """Whether the run should tell of itself, and has not for so long that its machine may be gone."""
        heard = self.heartbeat_age_seconds
        goes_on = self.status is not None and not self.status.ended
        return goes_on and (heard is None or heard > SILENT.total_seconds())

    @property
    def age_seconds(self) -> float | None:
        """Since the run began; until it ended, when it has."""
        if self.status is None:
            return None
        ended = moment_of(self.status.ended_at) or self.now
        return _between(moment_of(self.status.started_at), ended)

    @property
    def heartbeat_age_seconds(self) -> float | None:
        """Since the agent last wrote the status; None when that is not known, or ahead of this clock."""
        heard = moment_of(self.status.updated_at) if self.status else None
        if heard is not None and heard - self.now > CLOCKS_DIFFER:
            return None
        return _between(heard, self.now)

    @cached_property
    def cost(self) -> Spent:
        """What the job has cost so far, over all its runs and machines."""
        return spent(
            JobRecords(
                config=self.config,
                now=self.now,
                status=self.status,
                earlier=self.earlier,
                volumes=self.volumes,
                machines=self.machines,
                machine=self.machine,
                other_machines=self.other_machines,
                unread=self.unread,
            )
        )

    @property
    def checkpoints(self) -> dict[str, Any] | None:
        """``count``, ``last`` and ``last_at``; None before the first status."""
        return checkpoints_of(self.status)

    def as_json(self) -> dict[str, Any]:
        """What every listing of jobs tells of a run."""
        config, status = self.config, self.status
        return {
            "job": config.job.name,
            "owner": config.owner,
            "project": PROJECT_NAME,
            "tags": dict(config.job.tags),
            "run": config.run.id,
            "attempt": config.run.attempt,
            "problem": status.unreadable if status else None,
            "started_at": status.started_at if status else None,
            "age_seconds": _rounded(self.age_seconds),
            "heartbeat_age_seconds": _rounded(self.heartbeat_age_seconds),
            "cost": self.cost.as_json(),
            "checkpoints": self.checkpoints,
        }

    def saving_as_json(self) -> dict[str, Any]:
        """As ``saving_of``, of the current run."""
        return saving_of(self.status)


def saving_of(status: RunStatus | None) -> dict[str, Any]:
    """The failed tries, what could not be saved, the suspect checkpoint, and the starts from checkpoints."""
    return {
        "tries": [dict(each) for each in status.tries] if status else [],
        "unsaved": [dict(each) for each in status.unsaved] if status else [],
        "suspect": dict(status.suspect) if status and status.suspect else None,
        "resumes": [dict(each) for each in status.resumes] if status else [],
    }


def checkpoints_of(status: RunStatus | None) -> dict[str, Any] | None:
    """The counts of a status; None when it has none."""
    if status is None or status.unreadable is not None:
        return None
    told = status.raw.get("checkpoints") or {}
    return {"count": told.get("count", 0), "last": told.get("last"), "last_at": told.get("last_at")}


def moment_of(text: str | None) -> datetime | None:
    """The moment that a text in RFC 3339 names; None for anything else."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
    return None if found is None or found.tzinfo is None else found


def _between(begin: datetime | None, end: datetime) -> float | None:
    return None if begin is None else max(0.0, (end - begin).total_seconds())


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
