"""Values over steps or time, as they are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MOST_POINTS = 400
"""So many points of a series are drawn: more are not seen."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """``points`` are pairs of step or seconds since the epoch, and value, in order. ``axis`` says what steps
    count; ``unit`` follows values, such as ``%``."""

    name: str
    points: tuple[tuple[float, float], ...]
    over: Literal["step", "time"] = "step"
    axis: str = "step"
    unit: str = ""


def thinned(
    points: Sequence[tuple[float, float]], most: int = MOST_POINTS
) -> tuple[tuple[float, float], ...]:
    """Of each stretch of points the lowest and the highest, so that peaks stay; finite ones only."""
    kept = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if len(kept) <= most:
        return tuple(kept)
    size = math.ceil(2 * len(kept) / most)
    thin: list[tuple[float, float]] = []
    for start in range(0, len(kept), size):
        stretch = kept[start : start + size]
        low = min(stretch, key=lambda point: point[1])
        high = max(stretch, key=lambda point: point[1])
        thin += sorted({low, high})
    return tuple(thin if thin[-1] == kept[-1] else [*thin, kept[-1]])
