"""What the product asks of a provider, and the values that it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runctl_auto.stack.config import Market

MARKETS: Mapping[str, tuple[Market, ...]] = {
    "spot": ("spot",),
    "on-demand": ("on-demand",),
    "auto": ("spot", "on-demand"),
}
"""The markets of a job's ``spot_policy``, the preferred one first."""


@dataclass(frozen=True)
class Account:
    """Whose cloud it is."""

    id: str
    partition: str
