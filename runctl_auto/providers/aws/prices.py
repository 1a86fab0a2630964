"""Hourly prices of machines in USD, as far as AWS reports them; an unknown price is absent, never 0."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud

_MOST_NAMES = 30
"""How many types are requested at once: a filter takes 1,024 characters."""


def spot_prices(cloud: Cloud, names: Sequence[str]) -> dict[tuple[str, str], float]:
    """The newest spot price by type and zone."""
    history = cloud.pages(
        "ec2",
        "describe_spot_price_history",
        "SpotPriceHistory",
        InstanceTypes=list(names),
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.now(timezone.utc),
    )
    newest: dict[tuple[str, str], tuple[Any, float]] = {}
    for each in history:
        key = (each["InstanceType"], each["AvailabilityZone"])
        entry = (each["Timestamp"], float(each["SpotPrice"]))
        newest[key] = max(newest.get(key, entry), entry)
    return {key: price for key, (_, price) in newest.items()}


def on_demand_prices(cloud: Cloud, names: Sequence[str]) -> dict[str, float]:
    """The on-demand price by type, from the price list.

    Empty where the list cannot be read: another partition, access denied, unreachable. A job is not rejected
    for that.
    """
    found: dict[str, float] = {}
    try:
        for start in range(0, len(names), _MOST_NAMES):
            found.update(_listed(cloud, names[start : start + _MOST_NAMES]))
    except CloudError:
        return found
    return found


def _listed(cloud: Cloud, names: Sequence[str]) -> Iterator[tuple[str, float]]:
    wanted = {
        "regionCode": cloud.region,
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
    }
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    filters.append({"Type": "ANY_OF", "Field": "instanceType", "Value": ",".join(names)})
    products = cloud.pages(
        "pricing", "get_products", "PriceList", ServiceCode="AmazonEC2", Filters=filters, MaxResults=100
    )
    for text in products:
        product = json.loads(text)
        name = product.get("product", {}).get("attributes", {}).get("instanceType")
        price = _hourly(product.get("terms", {}).get("OnDemand", {}).values())
        if name in names and price is not None:
            yield name, price


def _hourly(terms: Iterable[Mapping[str, Any]]) -> float | None:
    for term in terms:
        for dimension in term.get("priceDimensions", {}).values():
            price = dimension.get("pricePerUnit", {}).get("USD")
            if dimension.get("unit") == "Hrs" and price and float(price) > 0:
                return float(price)
    return None
