"""A series as a curve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from runctl_auto.pages.drawing.scale import Scale, ticks, value_text
from runctl_auto.pages.drawing.svg import Svg, element, number, stretched
from runctl_auto.pages.looks.series import Series

WIDTH, HEIGHT = 1000.0, 300.0


@dataclass(frozen=True)
class Curve:
    """``rows`` are the labels of the lines across, from the top; ``begin`` and ``end`` those of the axis."""

    name: str
    svg: Svg
    rows: tuple[str, ...]
    begin: str
    end: str
    last: str


def curve(series: Series) -> Curve | None:
    """The curve of a series; None for one without points. One that went back, as after an interruption, is
    drawn over itself."""
    if not series.points:
        return None
    xs = [x for x, _ in series.points]
    ys = [y for _, y in series.points]
    is_share = series.unit == "%" and min(ys) >= 0 and max(ys) <= 100
    marks = (0.0, 50.0, 100.0) if is_share else ticks(min(ys), max(ys))
    across, up = Scale(min(xs), max(xs), WIDTH), Scale(marks[0], marks[-1], -HEIGHT)
    last = f"{value_text(ys[-1])}{series.unit and f' {series.unit}'}"
    begin, end = _told(min(xs), series), _told(max(xs), series)
    low, high = value_text(min(ys)), value_text(max(ys))
    svg = stretched(
        WIDTH,
        HEIGHT,
        *(_line(up.place(each)) for each in marks),
        _path([(across.place(x), up.place(y)) for x, y in series.points]),
        label=f"{series.name} from {begin} to {end}: {low} to {high}, last {last}",
    )
    rows = tuple(value_text(each) for each in reversed(marks))
    return Curve(series.name, svg, rows, begin, end, last)


def _line(y: float) -> Svg:
    return element("line", x1=0, x2=WIDTH, y1=y, y2=y, class_="grid")


def _path(points: list[tuple[float, float]]) -> Svg:
    if len(points) == 1:
        points = [(0.0, points[0][1]), (WIDTH, points[0][1])]
    return element("polyline", points=" ".join(f"{number(x)},{number(y)}" for x, y in points), class_="curve")


def _told(x: float, series: Series) -> str:
    if series.over == "step":
        return f"{series.axis} {value_text(x)}"
    try:
        return f"{datetime.fromtimestamp(x, tz=timezone.utc):%d %b %H:%M}"
    except (OverflowError, ValueError, OSError):
        return value_text(x)
