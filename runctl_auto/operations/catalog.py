"""``catalog update``: reads the provider's prices of whole regions into the price book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.errors import CloudError
from runctl_auto.jobs.session import Session
from runctl_auto.stack.prices import RegionPrices


@dataclass(frozen=True)
class UpdatedRegion:
    """One region's prices: ``file`` where they are kept, or the ``problem`` because of which they are not."""

    region: str
    prices: RegionPrices | None = None
    file: Path | None = None
    problem: CloudError | None = None

    def as_json(self) -> dict[str, Any]:
        prices = self.prices
        return {
            "region": self.region,
            "date": prices.source.date if prices else None,
            "types": len(prices.on_demand) if prices else None,
            "unknown_rates": list(unknown_rates(prices)) if prices else [],
            "file": str(self.file) if self.file else None,
            "problem": str(self.problem) if self.problem else None,
        }


def update_catalog(session: Session, regions: Sequence[str]) -> tuple[UpdatedRegion, ...]:
    """Reads the prices of ``regions``, by default of the caller's region, and keeps them.

    A region that cannot be read keeps what it had and does not stop the others.
    """
    names = list(dict.fromkeys(regions)) or [session.provider().region]
    return tuple(_update(session, name) for name in names)


def unknown_rates(prices: RegionPrices) -> tuple[str, ...]:
    """Names of the rates that the list does not state clearly."""
    rates = vars(prices.rates)
    return tuple(name for name, value in rates.items() if name != "source" and value is None)


def _update(session: Session, region: str) -> UpdatedRegion:
    today = session.time.now().date().isoformat()
    try:
        with session.reporter.working(f"reading the prices of {region}"):
            prices = session.provider(region).region_prices(today)
    except CloudError as error:
        return UpdatedRegion(region, problem=error)
    if not prices.on_demand:
        return UpdatedRegion(region, problem=_no_prices(region))
    return UpdatedRegion(region, prices, session.prices.keep(prices))


def _no_prices(region: str) -> CloudError:
    return CloudError(
        f"The price list has no on-demand price for region {region}.",
        where={"region": region},
        next_step="Check the name of the region. The earlier prices, if any, are kept.",
    )
