"""Prices in force when a run's place was chosen, kept in the stack's configuration; prices of a region."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ConfigDict, with_config

HOURS_OF_A_MONTH = 730
"""As AWS counts a month for prices per GB-month."""


def price_of(value: object) -> float | None:
    """A positive, finite price, from a number or its text; None for anything else: 0 in a price list is no
    price.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        price = float(value)
    except ValueError:
        return None
    return price if 0 < price < math.inf else None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class PriceSource:
    """Where a price comes from: ``price-list``, ``spot-history`` or ``book``, the shipped one; ``date``
    is the day for which it was read, YYYY-MM-DD.
    """

    name: str
    date: str


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class Rates:
    """Prices of a region beside machines, in USD; None is unknown. ``*_gb_month`` is per GB and month of 730
    hours, ``put_1000`` also counts LIST requests, ``transfer_out_gb`` is the first tier after what is free.
    """

    volume_gb_month: float | None = None
    snapshot_gb_month: float | None = None
    public_ipv4_hour: float | None = None
    s3_gb_month: float | None = None
    put_1000: float | None = None
    get_1000: float | None = None
    transfer_out_gb: float | None = None
    source: PriceSource | None = None


@dataclass(frozen=True)
class RegionPrices:
    """Prices of one region. ``on_demand`` is USD an hour of Linux on shared tenancy, by instance type."""

    region: str
    source: PriceSource
    on_demand: Mapping[str, float] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)
