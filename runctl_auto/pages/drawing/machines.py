"""The machines of a job over time: a bar for each, and what befell them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from runctl_auto.pages.drawing.svg import Svg, element, stretched
from runctl_auto.pages.looks.timeline import Placed, Timeline

WIDTH, HEIGHT = 1000.0, 20.0
_LEAST = 4.0
_HOW = {
    "runs": "runs",
    "ended": "ended with the run",
    "interrupted": "interrupted",
    "vanished": "ended without a word",
}


@dataclass(frozen=True)
class Lane:
    """One machine. ``begins_run``: it is the first of its run."""

    placed: Placed
    svg: Svg
    how: str
    begins_run: bool


@dataclass(frozen=True)
class Lanes:
    """``begin``, ``middle`` and ``end`` label the axis; ``marks`` is what happened, None for nothing."""

    lanes: tuple[Lane, ...]
    marks: Svg | None
    begin: str
    middle: str
    end: str


def lanes(timeline: Timeline) -> Lanes | None:
    """The drawing; None where nothing is known of any machine."""
    span = timeline.span
    if span is None or not timeline.placed:
        return None
    begin, end = span
    length = max((end - begin).total_seconds(), 1.0)

    def place(at: datetime) -> float:
        return (at - begin).total_seconds() / length * WIDTH

    pattern = "%H:%M" if end - begin < timedelta(hours=20) else "%d %b %H:%M"
    middle = begin + (end - begin) / 2
    found: list[Lane] = []
    for each in timeline.placed:
        is_first = not found or found[-1].placed.run != each.run
        label = f"{each.machine} from {each.began:{pattern}} to {each.ended:{pattern}}, {_HOW[each.how]}"
        bar = stretched(WIDTH, HEIGHT, *_bar(each, place(each.began), place(each.ended)), label=label)
        found.append(Lane(each, bar, _HOW[each.how], is_first))
    marks = [
        element("line", x1=(x := place(each.at)), x2=x, y1=2, y2=HEIGHT - 2, class_=f"mark {each.kind}")
        for each in timeline.marks
    ]
    told = f"{len(marks)} events" if len(marks) != 1 else "1 event"
    return Lanes(
        tuple(found),
        stretched(WIDTH, HEIGHT, *marks, label=told) if marks else None,
        f"{begin:{pattern}}",
        f"{middle:{pattern}}",
        f"{end:{pattern}}",
    )


def _bar(placed: Placed, x: float, until: float) -> Iterator[Svg]:
    width = max(_LEAST, until - x)
    x = min(x, WIDTH - width)
    kind = "spot" if placed.market == "spot" else "on-demand"
    yield element("line", x1=0, x2=WIDTH, y1=HEIGHT / 2, y2=HEIGHT / 2, class_="grid")
    yield element("rect", x=x, y=4, width=width, height=HEIGHT - 8, class_=f"bar {kind} {placed.how}")
    if placed.how in ("interrupted", "vanished"):
        end = x + width
        yield element("line", x1=end, x2=end, y1=0, y2=HEIGHT, class_="cut")
