"""Curves of a line's height, and numbers of metrics as they are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

_HEIGHTS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "?"


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """A curve of at most ``width`` characters, from the least value to the greatest. A value that is no
    number is ``?``; of more values, each character is the last of its share.
    """
    shown = _shares(values, width)
    finite = [each for each in shown if math.isfinite(each)]
    if not finite:
        return _UNKNOWN * len(shown)
    least, most = min(finite), max(finite)
    return "".join(_sign(each, least, most) for each in shown)


def number_text(value: float | None) -> str:
    """``0.1234``, ``1.2e-05``, ``31000``, ``NaN``; ``-`` for None."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e7:
        return str(int(value))
    return f"{value:.4g}"


def _shares(values: Sequence[float], width: int) -> list[float]:
    count = len(values)
    if count <= width:
        return list(values)
    return [values[(number + 1) * count // width - 1] for number in range(width)]


def _sign(value: float, least: float, most: float) -> str:
    if not math.isfinite(value):
        return _UNKNOWN
    if most == least:
        return _HEIGHTS[len(_HEIGHTS) // 2 - 1]
    half = most / 2 - least / 2  # the whole may be too large for a float
    return _HEIGHTS[min(len(_HEIGHTS) - 1, int((value / 2 - least / 2) / half * len(_HEIGHTS)))]
