"""One job as lists of all jobs show it: plain values, made once a look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.amount import Amount
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import moment_of
from runctl_auto.run.status import LOST, RunStatus

_OVER = (Phase.INTERRUPTED, LOST)
"""Phases of a run that goes on, whose machine does not."""


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """A job at the time of a look; None where something is not known.

    ``phase`` is ``unknown`` then. Ages are in seconds. ``usd`` is what it has cost so far, at least that
    much where ``usd_at_least``, and None if nothing of it is known; ``hour`` is USD an hour now.
    ``interruptions`` are machines that the run has lost.
    """

    name: str
    phase: str
    problem: str | None = None
    owner: str | None = None
    region: str | None = None
    zone: str | None = None
    instance_type: str | None = None
    market: str | None = None
    run: str | None = None
    attempt: int | None = None
    began_at: str | None = None
    age_seconds: float | None = None
    heard_seconds: float | None = None
    usd: float | None = None
    usd_at_least: bool = False
    hour: float | None = None
    checkpoints: int | None = None
    checkpoint_seconds: float | None = None
    interruptions: int = 0

    @property
    def spent(self) -> Amount:
        """USD so far."""
        return Amount(self.usd or 0.0, complete=self.usd is not None and not self.usd_at_least)

    @property
    def machine(self) -> str | None:
        """Type and market."""
        return None if self.instance_type is None else f"{self.instance_type} {self.market}"


def row_of(job: ListedJob) -> JobRow:
    """The row of a listed job."""
    facts = job.facts
    if facts is None:
        return JobRow(name=job.summary.name, phase=job.phase or "unknown", problem=job.problem)
    place, status, cost = facts.config.placement, facts.status, facts.cost
    total = cost.total
    checkpoints = facts.checkpoints or {}
    machine = status.machines[-1] if status and status.machines else None
    return JobRow(
        name=job.summary.name,
        phase=job.phase or "unknown",
        problem=job.problem,
        owner=facts.config.owner,
        region=place.region,
        zone=(machine.zone if machine else None) or place.zone,
        instance_type=(machine.type if machine else None) or place.instance_type,
        market=(machine.market if machine else None) or place.market,
        run=facts.config.run.id,
        attempt=facts.config.run.attempt,
        began_at=status.started_at if status else None,
        age_seconds=facts.age_seconds,
        heard_seconds=facts.heartbeat_age_seconds,
        usd=total.usd if total.complete or total.usd else None,
        usd_at_least=not total.complete,
        hour=cost.hour.usd,
        checkpoints=checkpoints.get("count"),
        checkpoint_seconds=_since(checkpoints.get("last_at"), facts.now),
        interruptions=interruptions(status, job.phase),
    )


def interruptions(status: RunStatus | None, phase: str | None) -> int:
    """How many machines a run has lost."""
    if status is None or not status.machines:
        return 0
    return len(status.machines) - (0 if phase in _OVER else 1)


def _since(told: Any, now: datetime) -> float | None:
    moment = moment_of(told) if isinstance(told, str) else None
    return None if moment is None else max(0.0, (now - moment).total_seconds())
