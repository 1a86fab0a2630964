"""Curves drawn with characters by plotext."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runctl_auto.local.printable import printable, shortened
from runctl_auto.observe.metrics.line_chart import Curve

_WIDTH, _HEIGHT = 80, 20


def terminal_plot(
    curves: Sequence[Curve], *, width: int | None = None, colours: bool = False, log: bool = False
) -> list[str]:
    """The lines of the plot, as wide as the terminal. Values that are not finite are left out."""
    import plotext

    plotext.clear_figure()
    plotext.limitsize(False, False)
    plotext.plotsize(min(width or _WIDTH, 160), _HEIGHT)
    plotext.theme("pro" if colours else "clear")
    for each in curves:
        points = [
            (step, value)
            for step, value in zip(each.series.steps, each.series.values, strict=True)
            if math.isfinite(value) and not (log and value <= 0)
        ]
        if points:
            label = shortened(printable(each.title), 40)
            plotext.plot([x for x, _ in points], [y for _, y in points], label=label, marker="braille")
    if log:
        plotext.yscale("log")
    plotext.xlabel(curves[0].series.axis)
    built = plotext.build()
    text = built if colours else plotext.uncolorize(built)
    return [line.rstrip() for line in text.splitlines()]
