"""Costs by day as stacked bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from runctl_auto.cost.chart import DailyCosts
from runctl_auto.pages.drawing.scale import Scale, ticks
from runctl_auto.pages.drawing.svg import Svg, element, stretched

MOST_COLOURS = 5
"""So many groups have colours of their own; the others share the last one."""
OTHERS = "others"
HEIGHT = 300.0
_LINES = (0.0, HEIGHT / 2, HEIGHT)
_STEP, _BAR = 10.0, 8.0


@dataclass(frozen=True)
class Days:
    """``keys`` are the groups, in the order of their colours; ``rows`` labels from the top."""

    svg: Svg
    rows: tuple[str, ...]
    begin: str
    end: str
    keys: tuple[tuple[str, float], ...]


def days(costs: DailyCosts, first: date, last: date) -> Days | None:
    """The chart from the day ``first`` to ``last``; None where nothing was spent."""
    if not costs.days:
        return None
    shown = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    place = {day: number for number, day in enumerate(costs.days)}
    named = costs.series[:MOST_COLOURS]
    others = costs.series[MOST_COLOURS:]
    stacks = [(each.key, each.usd) for each in named]
    if others:
        stacks.append((OTHERS, tuple(map(sum, zip(*(each.usd for each in others), strict=True)))))
    top = ticks(0.0, max((*costs.totals, 0.01)))[-1]
    up = Scale(0.0, top, HEIGHT)
    bars = [
        bar
        for number, day in enumerate(shown)
        if day in place
        for bar in _bars(number * _STEP, [usd[place[day]] for _, usd in stacks], up)
    ]
    lines = [element("line", x1=0, x2=_STEP * len(shown), y1=y, y2=y, class_="grid") for y in _LINES]
    label = f"USD by day from {first} to {last}, at most {max(costs.totals):.2f} a day"
    return Days(
        svg=stretched(_STEP * len(shown), HEIGHT, *lines, *bars, label=label),
        rows=tuple(f"${each:,.2f}" for each in (top, top / 2, 0.0)),
        begin=f"{first:%d %b}",
        end=f"{last:%d %b}",
        keys=tuple((key, sum(usd)) for key, usd in stacks),
    )


def _bars(x: float, values: list[float], up: Scale) -> list[Svg]:
    """One on another, the first at the bottom."""
    base, found = HEIGHT, []
    for number, value in enumerate(values, 1):
        height = up.place(value)
        if height > 0:
            base -= height
            found.append(element("rect", x=x + 1, y=base, width=_BAR, height=height, class_=f"s{number}"))
    return found
