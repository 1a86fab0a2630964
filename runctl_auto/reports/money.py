"""Amounts of money in reports."""

from __future__ import annotations

from runctl_auto.cost.amount import Amount


def rate(amount: Amount) -> str:
    """``0.0357`` an hour; ``at least 0.0357`` when a part is unknown, ``unknown`` when all of it is."""
    return _told(amount, f"{amount.usd:.4f}")


def spent(amount: Amount) -> str:
    """As ``rate``, in cents."""
    return _told(amount, f"{amount.usd:.2f}")


def _told(amount: Amount, figure: str) -> str:
    if amount.complete:
        return figure
    return f"at least {figure}" if amount.usd else "unknown"
