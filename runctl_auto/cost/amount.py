"""Sums of money of which a part may be unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Amount:
    """USD. ``complete`` is False when a part has no known price: ``usd`` is then the least it costs."""

    usd: float = 0.0
    complete: bool = True

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.usd + other.usd, self.complete and other.complete)

    def times(self, factor: float) -> Amount:
        return Amount(self.usd * factor, self.complete)


def amount(usd: float | None) -> Amount:
    """A price that may be unknown, as an amount."""
    return Amount(0.0, complete=False) if usd is None else Amount(usd)


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum; complete only when every part is."""
    return sum(amounts, Amount())
