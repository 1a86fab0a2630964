"""``cost``: what jobs cost in a period, also those that are gone. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.bill_json import rfc3339
from runctl_auto.cost.budgets import Budget
from runctl_auto.cost.ledger import BEGINNING, Bill, Group, Period, grouped
from runctl_auto.cost.spent import known
from runctl_auto.errors import JobNotFoundError
from runctl_auto.jobs.bills import all_bills
from runctl_auto.jobs.budget_check import budgets_now
from runctl_auto.jobs.session import Session


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
    budgets: tuple[Budget, ...] = ()
    """Those that the settings name, with this month's costs; none when only some jobs were asked for."""

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
            "budgets": [each.as_json() for each in self.budgets],
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
    told = () if query.jobs else budgets_now(session, session.settings.owner, bills)
    return Ledger(by=query.by, period=period, bills=bills, groups=shown, budgets=told)


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        "usd": known(group.usd),
        "at_least": not group.usd.complete,
        "machine_hours": round(group.machine_hours, 6),
        "gb_hours": round(group.gb_hours, 6),
    }
