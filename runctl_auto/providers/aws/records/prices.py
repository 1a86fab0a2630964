"""Hourly cost of leftovers, if known; unknown is None, never 0."""

from __future__ import annotations

from collections.abc import Mapping

HOURS_A_MONTH = 730.0
GB_MONTH: Mapping[tuple[str, str], float] = {("us-east-1", "gp3"): 0.08}
"""USD per GB-month of a volume, by region and type."""


def volume_hour(region: str, volume_type: str, size_gb: float) -> float | None:
    """Hourly cost of a volume in USD."""
    month = GB_MONTH.get((region, volume_type))
    return None if month is None else round(month * size_gb / HOURS_A_MONTH, 6)
