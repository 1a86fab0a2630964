"""The price book: on-demand prices by instance type and the other rates of regions, with source and date.

A book is shipped with runctl for use without access to the price list. ``runctl catalog update`` keeps newer
ones, a file for each region, in the person's cache folder. A type or region that a book does not have has an
unknown price.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from runctl_auto.local.atomic_file import replace_file
from runctl_auto.local.user_folders import cache_folder
from runctl_auto.stack.prices import PriceSource, Rates, RegionPrices, price_of

FORMAT = 1
_RATES = tuple(name for name in Rates.__dataclass_fields__ if name != "source")


class PriceBook:
    """The newest prices at hand for each region, without a request.

    ``folder`` holds the files of ``runctl catalog update``; None for the shipped book alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def region(self, region: str) -> RegionPrices | None:
        """The newer of the kept and the shipped prices; None where neither has the region."""
        kept = _kept(self._folder, region)
        shipped = _shipped().get(region)
        if kept is None or (shipped is not None and shipped.source.date > kept.source.date):
            return shipped
        return kept

    def keep(self, prices: RegionPrices) -> Path:
        """Writes the region's file, replacing an earlier one. Raises ``OSError``."""
        if self._folder is None:
            raise ValueError("the shipped book cannot be changed")
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{prices.region}.json"
        replace_file(path, to_json(prices))
        return path


def kept_prices_folder(environ: Mapping[str, str]) -> Path:
    """Where newer prices are kept: ``$XDG_CACHE_HOME/runctl/prices``, by default in ``~/.cache``."""
    return cache_folder(environ) / "prices"


def to_json(prices: RegionPrices) -> str:
    """A region's prices as text, with sorted keys; unknown rates are left out."""
    rates = {key: value for key, value in asdict(prices.rates).items() if key in _RATES and value is not None}
    content = {
        "format": FORMAT,
        "region": prices.region,
        "date": prices.source.date,
        "currency": "USD",
        "rates": rates,
        "on_demand": dict(prices.on_demand),
    }
    return json.dumps(content, sort_keys=True, indent=0) + "\n"


def from_json(text: str, source: str) -> RegionPrices:
    """The output of ``to_json``. Raises ``ValueError`` when it is something else.

    Prices that are no positive number count as unknown.
    """
    content: Any = json.loads(text)
    if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("currency") != "USD":
        raise ValueError("not a price book of this format")
    region, date = content.get("region"), content.get("date")
    if not isinstance(region, str) or not isinstance(date, str):
        raise ValueError("a price book names its region and date")  # noqa: TRY004 - as for other contents
    kept_source = PriceSource(name=source, date=date)
    rates = {key: value for key, value in _numbers(content.get("rates")).items() if key in _RATES}
    return RegionPrices(
        region, kept_source, _numbers(content.get("on_demand")), Rates(**rates, source=kept_source)
    )


def _numbers(value: object) -> dict[str, float]:
    """The prices that are stated as numbers."""
    entries = value.items() if isinstance(value, dict) else ()
    numbers = {key: price_of(stated) for key, stated in entries if not isinstance(stated, str)}
    return {key: price for key, price in numbers.items() if price is not None}


def _kept(folder: Path | None, region: str) -> RegionPrices | None:
    if folder is None:
        return None
    try:
        prices = from_json((folder / f"{region}.json").read_text(encoding="utf-8"), "price-list")
    except (OSError, ValueError):
        return None
    return prices if prices.region == region else None


@cache
def _shipped() -> Mapping[str, RegionPrices]:
    folder = resources.files("runctl_auto.cost").joinpath("shipped")
    files = (each for each in folder.iterdir() if each.name.endswith(".json"))
    books = (from_json(each.read_text(encoding="utf-8"), "book") for each in files)
    return {each.region: each for each in books}
