"""What a machine costs in each market and zone, with the source of each price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runctl_auto.errors import AccessDeniedError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.prices import SpotPrice, on_demand_prices, spot_prices
from runctl_auto.stack.config import Market
from runctl_auto.stack.prices import PriceSource, RegionPrices

AVERAGED_DAYS = 7


@dataclass(frozen=True)
class Quote:
    """Prices in USD an hour. ``average`` is that of the last seven days, None for a price that is fixed."""

    usd: float
    source: PriceSource
    average: float | None = None


class Quotes:
    """The prices of instance types in a region, asked for once.

    On-demand prices come from the price list, else from ``known``, the book's. Spot prices come from the
    history alone: an old one says nothing about today's. Without permission to read it they are unknown,
    which ``notes`` tell.
    """

    def __init__(
        self,
        cloud: Cloud,
        names: Sequence[str],
        markets: Sequence[Market],
        known: RegionPrices | None,
        now: datetime,
    ) -> None:
        self.notes: tuple[str, ...] = ()
        self._known = known
        self._today = now.date().isoformat()
        self._spot = self._history(cloud, names, now) if "spot" in markets else {}
        self._asked = "on-demand" in markets
        self._listed = on_demand_prices(cloud, names) if self._asked else {}

    def of(self, name: str, zone: str, market: Market) -> Quote | None:
        """The price of a type in a zone and market; None when it is unknown."""
        if market == "spot":
            found = self._spot.get((name, zone))
            source = PriceSource(name="spot-history", date=self._today)
            return None if found is None else Quote(found.now, source, found.average)
        if name in self._listed:
            return Quote(self._listed[name], PriceSource(name="price-list", date=self._today))
        if self._asked and self._known is not None and name in self._known.on_demand:
            return Quote(self._known.on_demand[name], self._known.source)
        return None

    def _history(self, cloud: Cloud, names: Sequence[str], now: datetime) -> dict[tuple[str, str], SpotPrice]:
        try:
            return spot_prices(cloud, names, now=now, days=AVERAGED_DAYS)
        except AccessDeniedError as error:
            self.notes = (f"spot prices are unknown: no permission to read their history ({error.code})",)
            return {}
