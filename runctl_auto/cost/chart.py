"""Costs by day and by another grouping, as charts show them: on the terminal and in a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from runctl_auto.cost.ledger import Bill, Period, grouped

MOST_DAYS = 400
"""So many days are charted, the last ones."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """USD of one group, for each day of its chart. ``at_least``: a part of it is unknown."""

    key: str
    usd: tuple[float, ...]
    at_least: bool

    @property
    def total(self) -> float:
        return sum(self.usd)


@dataclass(frozen=True, kw_only=True)
class DailyCosts:
    """``days`` in UTC without gaps, the first and the last with a cost; ``series`` the dearest first."""

    days: tuple[date, ...]
    series: tuple[Series, ...]

    @property
    def totals(self) -> tuple[float, ...]:
        """USD of all series for each day."""
        return tuple(sum(day) for day in zip(*(each.usd for each in self.series), strict=True))


def daily_costs(bills: Sequence[Bill], period: Period, by: str = "owner") -> DailyCosts:
    """What the bills of a period come to, day by day, for each group of ``by``. Raises ValueError for another
    grouping than the ledger's.
    """
    found: dict[str, tuple[Mapping[date, float], bool]] = {}
    for group in grouped(bills, by, period):
        members = {id(line.bill): line.bill for line in group.lines}
        kept = [_only(bill, group.key, by) for bill in members.values()]
        days = {
            date.fromisoformat(each.key): each.usd.usd for each in grouped(kept, "day", period) if each.lines
        }
        found[group.key] = (days, not group.usd.complete)
    shown = _days(found)
    series = (
        Series(key=key, usd=tuple(days.get(day, 0.0) for day in shown), at_least=at_least)
        for key, (days, at_least) in found.items()
    )
    return DailyCosts(days=shown, series=tuple(sorted(series, key=lambda each: (-each.total, each.key))))


def _only(bill: Bill, key: str, by: str) -> Bill:
    """The bill without charges of other groups, where a bill may have several."""
    if by != "type":
        return bill
    return Bill(**{**vars(bill), "charges": tuple(each for each in bill.charges if each.what == key)})


def _days(found: Mapping[str, tuple[Mapping[date, float], bool]]) -> tuple[date, ...]:
    known = sorted({day for days, _ in found.values() for day in days})
    if not known:
        return ()
    first = max(known[0], known[-1] - timedelta(days=MOST_DAYS - 1))
    return tuple(first + timedelta(days=number) for number in range((known[-1] - first).days + 1))
