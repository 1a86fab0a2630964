"""Reads rows of the price list: which of them is the hourly on-demand price of an instance type.

The list also has rows for other operating systems, tenancies, reserved and dedicated capacity, capacity
blocks (at 0) and pre-installed software. The filter of a request excludes them, and so does this reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.stack.prices import price_of

MACHINE_ATTRIBUTES: Mapping[str, str] = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
    "licenseModel": "No License required",
}
"""Attributes of the rows that count, also as filters of a request."""

_FAMILIES = ("Compute Instance", "Compute Instance (bare metal)")


@dataclass(frozen=True)
class ReadRows:
    """``prices`` in USD by instance type; ``refused`` says for a type why none of its rows is a price."""

    prices: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


class _Refused(Exception):
    """Why a row is no price."""


def machine_prices(rows: Iterable[str], region: str) -> ReadRows:
    """The on-demand prices of ``rows``, each a JSON text as GetProducts returns it.

    Rows that disagree on a type's price leave it unknown.
    """
    found: dict[str, set[float]] = {}
    refused: dict[str, str] = {}
    for text in rows:
        name, price = _read(text, region)
        if name is None:
            continue
        if isinstance(price, float):
            found.setdefault(name, set()).add(price)
        else:
            refused.setdefault(name, price)
    for name, prices in found.items():
        refused.pop(name, None)
        if len(prices) > 1:
            refused[name] = "rows disagree: " + ", ".join(f"{each:g}" for each in sorted(prices)) + " USD"
    return ReadRows({name: min(each) for name, each in found.items() if len(each) == 1}, refused)


def unit_prices(rows: Iterable[str], units: tuple[str, ...]) -> set[float]:
    """The distinct prices above 0, first tier only, of rows in one of ``units``."""
    found = set()
    for text in rows:
        product = _product(text)
        if product is None:
            continue
        for dimension in _dimensions(product):
            try:
                found.add(_price(dimension, units))
            except _Refused:
                continue
    return found


def is_usage(text: str, usage: str) -> bool:
    """Whether the row's usage type is ``usage``, with or without the prefix of a region."""
    product = _product(text)
    attributes = product["product"].get("attributes") if product else None
    stated = str(attributes.get("usagetype")) if isinstance(attributes, dict) else ""
    return stated == usage or stated.endswith(f"-{usage}")


def _read(text: str, region: str) -> tuple[str | None, float | str]:
    product = _product(text)
    if product is None:
        return None, "no product"
    described = product["product"]
    attributes = described.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("instanceType"), str):
        return None, "no instance type"
    name: str = attributes["instanceType"]
    try:
        return name, _machine_price(product, described, attributes, region)
    except _Refused as error:
        return name, str(error)


def _machine_price(
    product: Mapping[str, Any], described: Mapping[str, Any], attributes: Mapping[str, Any], region: str
) -> float:
    if described.get("productFamily", _FAMILIES[0]) not in _FAMILIES:
        raise _Refused(f"of {described['productFamily']}")
    for key, wanted in {**MACHINE_ATTRIBUTES, "regionCode": region}.items():
        if attributes.get(key) != wanted:
            raise _Refused(f"{key} is {attributes.get(key)!r}")
    dimensions = list(_dimensions(product))
    if not dimensions:
        raise _Refused("no on-demand term")
    prices = {_price(each, ("Hrs",)) for each in dimensions}
    if len(prices) > 1:
        raise _Refused("several prices in one row")
    return prices.pop()


def _product(text: object) -> dict[str, Any] | None:
    try:
        product = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if not isinstance(product, dict) or not isinstance(product.get("product"), dict):
        return None
    return product


def _dimensions(product: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    terms = product.get("terms")
    on_demand = terms.get("OnDemand") if isinstance(terms, dict) else None
    for term in on_demand.values() if isinstance(on_demand, dict) else ():
        dimensions = term.get("priceDimensions") if isinstance(term, dict) else None
        for each in dimensions.values() if isinstance(dimensions, dict) else ():
            if isinstance(each, dict):
                yield each


def _price(dimension: Mapping[str, Any], units: tuple[str, ...]) -> float:
    if dimension.get("unit") not in units:
        raise _Refused(f"unit {dimension.get('unit')!r}")
    if str(dimension.get("beginRange", "0")) not in ("0", "0.0", ""):
        raise _Refused("a higher tier")
    per_unit = dimension.get("pricePerUnit")
    if not isinstance(per_unit, dict) or set(per_unit) != {"USD"}:
        raise _Refused("not in USD")
    price = price_of(per_unit["USD"])
    if price is None:
        raise _Refused(f"price {per_unit['USD']!r}")
    return price
