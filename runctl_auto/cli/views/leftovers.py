"""Ages and costs in words."""

from __future__ import annotations

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def age_text(seconds: float | None) -> str:
    """``3 d old``; the largest unit that fits."""
    if seconds is None:
        return "age unknown"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} old"
    return f"{seconds:.0f} s old"


def cost_text(dollars_an_hour: float | None) -> str:
    """What it costs an hour; an unknown cost is never told as none."""
    if dollars_an_hour is None:
        return "cost unknown"
    return "free" if dollars_an_hour == 0 else f"{dollars_an_hour:g} USD an hour"
