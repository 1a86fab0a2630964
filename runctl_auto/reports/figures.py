"""Formats durations, times and amounts of money for display."""

from __future__ import annotations

from runctl_auto.cost.amount import Amount

_UNKNOWN = "unknown"
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def short_age(seconds: float | None) -> str:
    """``42s``, ``5m``, ``3h 12m``, ``4d 2h``; ``unknown`` for None."""
    if seconds is None:
        return _UNKNOWN
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h {minutes}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{whole}s"


def size_text(count: int) -> str:
    """``734 B``, ``1.2 kB``, ``38 MB``, ``1.5 GB``, in powers of 1024."""
    if count < 1024:
        return f"{count} B"
    size, unit = float(count), "B"
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007 - the last one serves all that is larger
        size /= 1024
        if size < 1023.5:
            break
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"


def usd(amount: float | None) -> str:
    """``$1.27``; ``<$0.01`` instead of zero; ``unknown`` for None."""
    if amount is None:
        return _UNKNOWN
    if 0 < amount < 0.01:
        return "<$0.01"
    return f"${amount:.2f}"


def spent_text(amount: Amount) -> str:
    """``$1.27``, ``≥ $1.27`` when a part of it is unknown, ``unknown`` when all of it is."""
    if amount.complete:
        return usd(amount.usd)
    return f"≥ {usd(amount.usd)}" if amount.usd else _UNKNOWN


def rate_text(amount: Amount) -> str:
    """As ``spent_text``, with up to four decimals, which prices an hour have: ``$0.0357``, ``$0.60``."""
    if not amount.complete and not amount.usd:
        return _UNKNOWN
    whole, _, decimals = f"{amount.usd:.4f}".partition(".")
    least = "" if amount.complete else "≥ "
    return f"{least}${whole}.{decimals.rstrip('0'):0<2}"


def moment(text: str | None) -> str:
    """``2026-01-31 12:00:00Z`` of an RFC 3339 time in UTC; ``unknown`` for None."""
    if text is None:
        return _UNKNOWN
    return f"{text[:19].replace('T', ' ')}Z"


def age_text(seconds: float | None) -> str:
    """``3 d old``; the largest unit that fits."""
    if seconds is None:
        return "age unknown"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} old"
    return f"{seconds:.0f} s old"


def cost_text(dollars_an_hour: float | None) -> str:
    """``0.5 USD an hour``; an unknown cost is not shown as free."""
    if dollars_an_hour is None:
        return "cost unknown"
    return "free" if dollars_an_hour == 0 else f"{dollars_an_hour:g} USD an hour"
