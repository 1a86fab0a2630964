"""What jobs cost by day, owner and job, and which budgets that concerns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.budgets import Budget
from runctl_auto.cost.chart import DailyCosts, daily_costs
from runctl_auto.cost.ledger import Bill, Period, grouped
from runctl_auto.jobs.bills.all_jobs import all_bills
from runctl_auto.jobs.bills.budget_check import budgets_of
from runctl_auto.jobs.local.everywhere import is_here, session_here
from runctl_auto.jobs.session import Session
from runctl_auto.pages.looks.look import Look

SHOWN = timedelta(days=29)
"""The chart shows the last 30 days."""
MOST_GROUPS = 100


@dataclass(frozen=True)
class Share:
    """What one owner, job or type came to."""

    key: str
    usd: Amount
    gone: bool = False


@dataclass(frozen=True)
class Costs:
    """Of the days from ``since``, in UTC."""

    since: datetime
    until: datetime
    by_day: DailyCosts
    by_owner: tuple[Share, ...]
    by_job: tuple[Share, ...]
    by_type: tuple[Share, ...]
    budgets: tuple[Budget, ...]

    @property
    def total(self) -> Amount:
        return total(each.usd for each in self.by_owner)


def costs(session: Session, look: Look) -> Costs:
    """The costs of all jobs of a look, and of those that are gone. Blocks. Raises ``RunctlError``."""
    # Jobs of this machine cost nothing.
    rented = tuple(each for each in look.jobs.values() if not is_here(each))
    bills = () if session_here(session) is session else all_bills(session, listed=rented)
    since = (look.at - SHOWN).replace(hour=0, minute=0, second=0, microsecond=0)
    period = Period(since=since, until=look.at)
    return Costs(
        since=since,
        until=look.at,
        by_day=daily_costs(bills, period, "owner"),
        by_owner=_shares(bills, "owner", period),
        by_job=_shares(bills, "job", period),
        by_type=_shares(bills, "type", period),
        budgets=budgets_of(session, [session.settings.owner], bills),
    )


def _shares(bills: tuple[Bill, ...], by: str, period: Period) -> tuple[Share, ...]:
    gone = {each.job for each in bills if each.gone} if by == "job" else set()
    found = (each for each in grouped(bills, by, period) if each.lines or each.unread)
    return tuple(Share(each.key, each.usd, each.key in gone) for each in found)[:MOST_GROUPS]
