"""What a machine costs in each market and zone, with the source of each price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.prices import on_demand_prices, spot_prices
from runctl_auto.stack.config import Market
from runctl_auto.stack.prices import PriceSource, RegionPrices


@dataclass(frozen=True)
class Quote:
    """A price in USD an hour."""

    usd: float
    source: PriceSource


class Quotes:
    """The prices of instance types in a region, asked for once.

    On-demand prices come from the price list, else from ``known``, the book's. Spot prices come from the
    history alone: an old one says nothing about today's.
    """

    def __init__(
        self,
        cloud: Cloud,
        names: Sequence[str],
        markets: Sequence[Market],
        known: RegionPrices | None,
        now: datetime,
    ) -> None:
        self._known = known
        self._today = now.date().isoformat()
        self._spot = spot_prices(cloud, names) if "spot" in markets else {}
        self._asked = "on-demand" in markets
        self._listed = on_demand_prices(cloud, names) if self._asked else {}

    def of(self, name: str, zone: str) -> Mapping[Market, Quote]:
        """The known prices of a type in a zone; a market with an unknown price is absent."""
        found: dict[Market, Quote] = {}
        if (name, zone) in self._spot:
            found["spot"] = Quote(self._spot[name, zone], PriceSource(name="spot-history", date=self._today))
        if name in self._listed:
            found["on-demand"] = Quote(self._listed[name], PriceSource(name="price-list", date=self._today))
        elif self._asked and self._known is not None and name in self._known.on_demand:
            found["on-demand"] = Quote(self._known.on_demand[name], self._known.source)
        return found
