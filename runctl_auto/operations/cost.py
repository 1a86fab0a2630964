"""``cost``: what jobs cost in a period, also those that are gone. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.bill_json import rfc3339
from runctl_auto.cost.ledger import BEGINNING, Bill, Group, Period, grouped, merged
from runctl_auto.cost.spent import known
from runctl_auto.errors import JobNotFoundError
from runctl_auto.jobs.bill_archive import BillArchive
from runctl_auto.jobs.last_bill import bill_of
from runctl_auto.jobs.listing import list_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.stack.config import StackConfig


@dataclass(frozen=True, kw_only=True)
class CostQuery:
    """What is asked for. ``jobs`` empty: all; ``by`` is one of ``ledger.GROUPINGS``; times are in UTC."""

    jobs: frozenset[str] = frozenset()
    by: str = "job"
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What jobs cost in a period."""

    by: str
    period: Period
    bills: tuple[Bill, ...]
    groups: tuple[Group, ...]

    @property
    def total(self) -> Amount:
        """USD of all groups."""
        return total(each.usd for each in self.groups)

    def as_json(self) -> dict[str, Any]:
        since = self.period.since
        return {
            "by": self.by,
            "since": None if since == BEGINNING else rfc3339(since),
            "until": rfc3339(self.period.until),
            "usd": known(self.total),
            "at_least": not self.total.complete,
            "groups": [_group_json(each) for each in self.groups],
        }


def cost(session: Session, query: CostQuery) -> Ledger:
    """What the jobs cost: those of the backend, and those that are gone. Blocks.

    Raises ``JobNotFoundError`` for a job of which nothing is known, ValueError for another grouping.
    """
    bills = all_bills(session, query.jobs)
    for job in sorted(query.jobs):
        if not any(each.job == job for each in bills):
            raise JobNotFoundError(
                f"There is no job '{job}', and none of this name is archived.",
                where={"job": job},
                next_step="`runctl cost` lists all jobs that are known.",
            )
    period = Period(since=query.since or BEGINNING, until=query.until or session.time.now())
    groups = grouped(bills, query.by, period)
    shown = tuple(each for each in groups if each.lines or each.unread)
    return Ledger(by=query.by, period=period, bills=bills, groups=shown)


def all_bills(session: Session, jobs: frozenset[str] = frozenset()) -> tuple[Bill, ...]:
    """The bills of ``jobs``, of all without any."""
    archived = [each for each in BillArchive(session).bills() if not jobs or each.job in jobs]
    return merged((*archived, *_live(session, jobs)))


def _live(session: Session, jobs: frozenset[str]) -> Iterator[Bill]:
    def wanted(config: StackConfig | None) -> bool:
        return not jobs or (config is not None and config.job.name in jobs)

    for each in list_jobs(session, wanted):
        if each.facts is not None:
            spent = each.facts.cost
            yield bill_of(each.facts.config, spent.charges, unread=spent.unread)


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        "usd": known(group.usd),
        "at_least": not group.usd.complete,
        "machine_hours": round(group.machine_hours, 6),
        "gb_hours": round(group.gb_hours, 6),
    }
