"""``cost``: what jobs cost in a period, also those that are gone. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.bill_json import rfc3339
from runctl_auto.cost.budgets import Budget
from runctl_auto.cost.ledger import BEGINNING, Bill, Group, Period, grouped
from runctl_auto.cost.quantities import Quantities, quantities
from runctl_auto.cost.spent import known
from runctl_auto.errors import JobNotFoundError, UsageError
from runctl_auto.jobs.bills.all_jobs import all_bills
from runctl_auto.jobs.bills.budget_check import budgets_of
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session


@dataclass(frozen=True, kw_only=True)
class CostQuery:
    """What is asked for. ``jobs`` empty: all; ``by`` is one of ``ledger.GROUPINGS``; times are in UTC.

    ``actual``: also what the provider has billed, for whole days; only by job.
    """

    jobs: frozenset[str] = frozenset()
    by: str = "job"
    since: datetime | None = None
    until: datetime | None = None
    actual: bool = False


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A job in the ledger and on the provider's bill, in USD; None where it is not. ``difference`` is how
    much more is billed.
    """

    job: str
    ledger: float | None
    actual: float | None
    difference: float


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What jobs cost in a period."""

    by: str
    period: Period
    bills: tuple[Bill, ...]
    groups: tuple[Group, ...]
    budgets: tuple[Budget, ...] = ()
    """Those that the settings name, with this month's costs; none when only some jobs were asked for."""
    actual: Mapping[str, float] | None = None
    """What the provider has billed, in USD by job; None if that was not asked for."""

    @property
    def stopped(self) -> tuple[str, ...]:
        """The jobs that cost storage only until they are resumed."""
        return tuple(each.job for each in self.bills if each.stopped and not each.gone)

    @property
    def total(self) -> Amount:
        """USD of all groups."""
        return total(each.usd for each in self.groups)

    @property
    def quantities(self) -> Quantities:
        """What was used for all groups."""
        charges = (line.charge for each in self.groups for line in each.lines)
        return quantities(charges, unread=any(each.unread for each in self.groups))

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Of each job in the ledger or on the bill; empty if the bill was not asked for."""
        actual = self.actual or {}
        told = {each.key: each.usd for each in self.groups}
        jobs = sorted({*told, *actual}) if self.actual is not None else ()
        return tuple(_difference(job, told.get(job), actual.get(job)) for job in jobs)

    def as_json(self) -> dict[str, Any]:
        since = self.period.since
        return {
            "by": self.by,
            "since": None if since == BEGINNING else rfc3339(since),
            "until": rfc3339(self.period.until),
            "usd": known(self.total),
            "at_least": not self.total.complete,
            "groups": [_group_json(each) for each in self.groups],
            "stopped": list(self.stopped),
            "budgets": [each.as_json() for each in self.budgets],
            "actual": None if self.actual is None else [vars(each) for each in self.differences],
        }


def cost(session: Session, query: CostQuery) -> Ledger:
    """What the jobs cost: those of the backend, and those that are gone. Blocks.

    Raises ``JobNotFoundError`` for a job of which nothing is known, ``UsageError`` for ``actual`` with
    another grouping or without a whole day, ``CloudError`` when the bill cannot be read.
    """
    now = session.time.now()
    period = Period(since=query.since or BEGINNING, until=query.until or now)
    if query.actual:
        period = _whole_days(query, now)
    bills = all_bills(session, query.jobs)
    for job in sorted(query.jobs):
        if not any(each.job == job for each in bills):
            raise JobNotFoundError(
                f"There is no job '{job}', and none of this name is archived.",
                where={"job": job},
                next_step="`runctl cost` lists all jobs that are known.",
            )
    groups = grouped(bills, query.by, period)
    shown = tuple(each for each in groups if each.lines or each.unread)
    told = () if query.jobs else budgets_of(session, [session.settings.owner], bills)
    return Ledger(
        by=query.by,
        period=period,
        bills=bills,
        groups=shown,
        budgets=told,
        actual=_actual(session, query, period, bills) if query.actual else None,
    )


def _whole_days(query: CostQuery, now: datetime) -> Period:
    """From the first of the month until today, unless the query says otherwise."""
    if query.by != "job":
        raise UsageError(f"--actual compares jobs, not {query.by}.", next_step="Leave --by out, or --actual.")
    since = _midnight(query.since or now.replace(day=1))
    until = min(_midnight(query.until or now), _midnight(now))
    if since >= until:
        raise UsageError(
            "--actual compares whole days in UTC that are over, and there is none in this period.",
            next_step="Begin earlier: --since DATE.",
        )
    return Period(since=since, until=until)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _actual(session: Session, query: CostQuery, period: Period, bills: Iterable[Bill]) -> Mapping[str, float]:
    owners = {charge.resource: bill.job for bill in bills for charge in bill.charges}
    with session.reporter.working("asking for the bill", after=PATIENCE_SECONDS):
        billed = session.provider().actual_costs(period.since.date(), period.until.date(), owners)
    return {job: usd for job, usd in billed.items() if not query.jobs or job in query.jobs}


def _difference(job: str, ledger: Amount | None, actual: float | None) -> Difference:
    told = None if ledger is None else known(ledger)
    return Difference(
        job=job,
        ledger=told,
        actual=None if actual is None else round(actual, 6),
        difference=round((actual or 0.0) - (told or 0.0), 6),
    )


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        "usd": known(group.usd),
        "at_least": not group.usd.complete,
        **group.quantities.as_json(),
        "unknown_parts": group.quantities.at_least,
    }
