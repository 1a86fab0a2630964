"""Line charts as SVG: one picture, without scripts and without anything from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from runctl_auto.local.plain_text import plain_text
from runctl_auto.observe.metrics.series import Series, as_json

COLOURS = ("#2f6fb3", "#c4561e", "#2b8a4b", "#8a4fb0", "#b03060", "#7a6a00", "#007f8c", "#555555")
"""Told apart on light and on dark ground, also by people who tell colours apart badly."""
_MARGINS = (64, 16, 24, 40)
"""Left, right, top, bottom."""
_TICKS = 5


@dataclass(frozen=True)
class Curve:
    """A series and how it is called in a chart. The title may hold any character."""

    title: str
    series: Series

    def as_json(self) -> dict[str, Any]:
        return {"title": self.title, **as_json(self.series)}


@dataclass(frozen=True)
class _Scale:
    """Maps values from ``least`` to ``most`` onto pixels from ``begin`` to ``end``."""

    least: float
    most: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value / 2 - self.least / 2) / (self.most / 2 - self.least / 2)
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Round numbers in the range, about five."""
        step = (self.most - self.least) / _TICKS
        if not math.isfinite(step) or step <= 0:
            return [self.least, self.most]
        power = 10.0 ** math.floor(math.log10(step))
        step = next(each * power for each in (1, 2, 5, 10) if each * power >= step * 0.999)
        first = math.ceil(self.least / step) if step else 0
        return [(first + count) * step for count in range(2 * _TICKS) if (first + count) * step <= self.most]


def line_chart(
    curves: Sequence[Curve], *, width: int = 720, height: int = 360, logarithmic: bool = False
) -> str:
    """The chart as an SVG document. Values that are not finite are gaps; ``logarithmic`` leaves out those up
    to 0. Without any point it says so.
    """
    lines = [list(_points(each.series, logarithmic)) for each in curves]
    points = [point for line in lines for point in line if point is not None]
    left, right, top, bottom = _MARGINS
    legend = 18 * len(curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + legend}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="currentColor" color="#666">',
        f"<title>{_text(', '.join(each.title for each in curves))}</title>",
    ]
    if points:
        across = _scale([x for x, _ in points], left, width - right)
        up = _scale([y for _, y in points], height - bottom, top)
        parts += _axes(across, up, curves[0].series.axis, logarithmic)
        for number, line in enumerate(lines):
            parts += _line(line, across, up, COLOURS[number % len(COLOURS)])
    else:
        parts.append(f'<text x="{width / 2}" y="{height / 2}" text-anchor="middle">no points</text>')
    for number, each in enumerate(curves):
        y = height + 18 * number + 8
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{left}" y="{y - 8}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + 20}" y="{y}">{_text(each.title)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _points(series: Series, logarithmic: bool) -> Iterator[tuple[float, float] | None]:
    for step, value in zip(series.steps, series.values, strict=True):
        if not math.isfinite(value) or (logarithmic and value <= 0):
            yield None
        else:
            yield step, math.log10(value) if logarithmic else value


def _scale(values: Sequence[float], begin: float, end: float) -> _Scale:
    least, most = min(values), max(values)
    if least == most:
        least, most = least - (abs(least) / 2 or 0.5), most + (abs(most) / 2 or 0.5)
    return _Scale(least, most, begin, end)


def _axes(across: _Scale, up: _Scale, axis: str, logarithmic: bool) -> Iterator[str]:
    left, right, floor = across.begin, across.end, up.begin
    for value in up.ticks():
        y = up(value)
        shown = 10**value if logarithmic and abs(value) < 300 else value
        yield f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="currentColor" stroke-opacity=".25"/>'
        yield f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{shown:.4g}</text>'
    for value in across.ticks():
        yield f'<text x="{across(value):.1f}" y="{floor + 16:.1f}" text-anchor="middle">{value:.6g}</text>'
    yield f'<text x="{right:.1f}" y="{floor + 32:.1f}" text-anchor="end">{_text(axis)}</text>'


def _line(
    points: Sequence[tuple[float, float] | None], across: _Scale, up: _Scale, colour: str
) -> Iterator[str]:
    pieces, starts, count = [], True, 0
    for point in points:
        if point is None:
            starts = True
            continue
        pieces.append(f"{'M' if starts else 'L'}{across(point[0]):.1f} {up(point[1]):.1f}")
        starts = False
        count += 1
    if count == 1:
        x, y = pieces[0][1:].split()
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    elif pieces:
        yield f'<path d="{"".join(pieces)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _text(text: str) -> str:
    return escape(plain_text(text).replace("\n", " "))
