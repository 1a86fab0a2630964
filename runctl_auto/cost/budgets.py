"""Budgets of a calendar month in UTC: how much of each is spent, and which step that has reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.cost.amount import Amount
from runctl_auto.cost.ledger import Bill, Period, grouped
from runctl_auto.cost.spent import known
from runctl_auto.settings.named_budgets import NamedBudget

STEPS = (50, 80, 100)
"""Percent of a budget at which it is told of."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A budget and what is spent of it. ``of`` says whose it is (``owner ann``); ``usd`` is for a month."""

    of: str
    usd: float
    spent: Amount

    @property
    def step(self) -> int:
        """The highest of ``STEPS`` that is reached, 0 below all."""
        reached = (each for each in STEPS if self.spent.usd >= self.usd * each / 100)
        return max(reached, default=0)

    @property
    def percent(self) -> int:
        return int(self.spent.usd / self.usd * 100)

    def as_json(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "monthly": self.usd,
            "spent": known(self.spent),
            "at_least": not self.spent.complete,
            "step": self.step,
        }


def month_of(now: datetime) -> Period:
    """From the first of the month until ``now``."""
    return Period(since=now.replace(day=1, hour=0, minute=0, second=0, microsecond=0), until=now)


def budgets(bills: Sequence[Bill], now: datetime, wanted: Sequence[NamedBudget]) -> Iterator[Budget]:
    """The budgets that are ``wanted``, with what this month's ``bills`` spent of each."""
    groups = {
        by: {each.key: each.usd for each in grouped(bills, by, month_of(now))}
        for by in dict.fromkeys(each.by for each in wanted)
    }
    for each in wanted:
        yield Budget(of=each.of, usd=each.usd, spent=groups[each.by].get(each.key, Amount()))
