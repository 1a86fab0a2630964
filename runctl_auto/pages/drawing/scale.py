"""Scales: which values are labelled, and where values lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MOST = 1e300
_LEAST_SHARE = 1e-9


@dataclass(frozen=True)
class Scale:
    """From the values ``low`` to ``high`` to places from 0 to ``length``; upside down if ``length`` is
    negative."""

    low: float
    high: float
    length: float

    def place(self, value: float) -> float:
        width = self.high / 2 - self.low / 2  # halves: the whole may overflow
        share = (value / 2 - self.low / 2) / width if width else 0.5
        return share * self.length if self.length >= 0 else (share - 1) * self.length


def ticks(low: float, high: float, about: int = 3) -> tuple[float, ...]:
    """Round values from at most ``low`` to at least ``high``, about so many steps. Both are finite; where
    their difference is lost in their size, or overflows, these two alone.
    """
    if high <= low and abs(low) <= _MOST:
        room = max(0.5, abs(low) * 1e-3)
        low, high = (low - room, low + room) if low else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if size > _MOST or high - low < size * _LEAST_SHARE or high - low < 1 / _MOST:
        return (low, high)
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((each * power for each in (1, 2, 2.5, 5) if each * power >= rough), 10 * power)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(each * step for each in range(first, last + 1))


def value_text(value: float) -> str:
    """A value in at most about six characters: ``0.25``, ``1,200``, ``3.2e-05``."""
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 100_000:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:.2g}"
