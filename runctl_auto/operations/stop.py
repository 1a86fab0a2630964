"""``stop``: ends a job's run and machine, and keeps its data, so that ``resume`` continues it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.agent.contract import GRACE_SECONDS
from runctl_auto.jobs.graceful_stop import StopOutcome
from runctl_auto.jobs.run_facts import checkpoints_of
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.stopping import StopJob
from runctl_auto.operations.status import JobStatus, status_of


@dataclass(frozen=True)
class StopOptions:
    """How ``stop`` is asked to work."""

    yes: bool = False
    grace_seconds: int = GRACE_SECONDS


@dataclass(frozen=True)
class StopResult:
    """How the run came to its end, and the job as it is then."""

    outcome: StopOutcome
    now: JobStatus

    def as_json(self) -> dict[str, Any]:
        status = self.outcome.status
        return {
            "job": self.now.config.job.name,
            "run": self.now.config.run.id,
            "how": self.outcome.how,
            "phase": self.now.phase,
            "message": status.message if status else None,
            "checkpoints": checkpoints_of(status),
            "cost": self.now.facts.cost.as_json(),
        }


def stop(session: Session, name: str, options: StopOptions) -> StopResult:
    """Stops the job: its command saves and leaves, its machine ends, volumes and bucket stay. Blocks.

    Idempotent. Raises ``UsageError`` for a run that ended by itself, ``JobNotFoundError`` without a job.
    """
    job = session.job(name)
    outcome = StopJob(job, grace_seconds=options.grace_seconds, yes=options.yes).run()
    return StopResult(outcome, status_of(job))
