"""The machines of a job's runs over time, and what befell them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runctl_auto.agent.contract import Phase
from runctl_auto.jobs.run_facts import RunFacts, moment_of
from runctl_auto.run.machines import RunMachine
from runctl_auto.run.status import LOST, RunStatus

How = Literal["runs", "ended", "interrupted", "vanished"]
MOST_SHOWN = 40
"""So many machines, and so many marks, are shown: the last ones."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A machine of a run. ``ended`` is the last that was heard of one that vanished, and now for one that
    runs. ``usd`` is its price for that time, None if unknown."""

    run: str
    machine: str
    type: str | None
    zone: str | None
    market: str | None
    began: datetime
    ended: datetime
    how: How
    usd: float | None

    @property
    def seconds(self) -> float:
        return max(0.0, (self.ended - self.began).total_seconds())


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened at one moment: a try that failed, a place that was refused, the last
    checkpoint."""

    at: datetime
    kind: Literal["try", "refused", "checkpoint"]
    what: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """``left_out``: how many earlier machines are not among ``placed``."""

    placed: tuple[Placed, ...]
    marks: tuple[Mark, ...]
    left_out: int = 0

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From the first to the last moment; None where there is none."""
        moments = [
            *(each.began for each in self.placed),
            *(each.ended for each in self.placed),
            *(each.at for each in self.marks),
        ]
        return (min(moments), max(moments)) if moments else None

    @property
    def interruptions(self) -> int:
        return sum(each.how in ("interrupted", "vanished") for each in self.placed)


def timeline_of(facts: RunFacts) -> Timeline:
    """The timeline of all runs that the job's configuration knows."""
    statuses = [each for each in (*facts.earlier, facts.status) if each is not None and not each.unreadable]
    placed = [each for status in statuses for each in _placed(status, facts)]
    marks = sorted((*_tries(statuses), *_refused(facts), *_checkpoint(facts)), key=lambda each: each.at)
    return Timeline(
        placed=tuple(placed[-MOST_SHOWN:]),
        marks=tuple(marks[-MOST_SHOWN:]),
        left_out=max(0, len(placed) - MOST_SHOWN),
    )


def _placed(status: RunStatus, facts: RunFacts) -> Iterator[Placed]:
    is_present = status is facts.status
    for machine in status.machines:
        is_last = machine is status.machines[-1]
        phase = (facts.phase if is_present else status.phase) or status.phase
        how = _how(machine, phase, is_last=is_last)
        ended = facts.now if how == "runs" else machine.ended_at or machine.seen_at
        hours = max(0.0, (ended - machine.launched_at).total_seconds()) / 3600
        yield Placed(
            run=status.run,
            machine=machine.id,
            type=machine.type,
            zone=machine.zone,
            market=machine.market,
            began=machine.launched_at,
            ended=max(machine.launched_at, ended),
            how=how,
            usd=None if machine.price_hour is None else machine.price_hour * hours,
        )


def _how(machine: RunMachine, phase: str, *, is_last: bool) -> How:
    if not is_last or phase == Phase.INTERRUPTED:
        return "interrupted" if machine.ended_at else "vanished"
    if phase == LOST:
        return "vanished"
    return "ended" if machine.ended_at else "runs"


def _tries(statuses: list[RunStatus]) -> Iterator[Mark]:
    for status in statuses:
        for each in status.tries:
            at = moment_of(each["ended_at"])
            if at is not None:
                what = f"try {each['number']} failed: {each['message'] or each['reason']}"
                yield Mark(at=at, kind="try", what=what)


def _refused(facts: RunFacts) -> Iterator[Mark]:
    for each in facts.config.trail:
        at = moment_of(each.at)
        if at is not None:
            yield Mark(at=at, kind="refused", what=f"refused: {each}")


def _checkpoint(facts: RunFacts) -> Iterator[Mark]:
    told = facts.checkpoints or {}
    at = moment_of(told.get("last_at"))
    if at is not None:
        yield Mark(at=at, kind="checkpoint", what=f"checkpoint {told.get('last')}")
