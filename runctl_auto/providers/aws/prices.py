"""Prices in USD as far as AWS reports them; an unknown price is absent, never 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.price_rows import MACHINE_ATTRIBUTES, is_usage, machine_prices, unit_prices
from runctl_auto.stack.prices import PriceSource, Rates, RegionPrices, price_of

_LINUX = "Linux/UNIX"
_MOST_NAMES = 30
"""How many types are requested at once: a filter takes 1,024 characters."""


def spot_prices(cloud: Cloud, names: Sequence[str]) -> dict[tuple[str, str], float]:
    """The spot price in force by type and zone: the newest row, which may be older than the time asked for.

    Rows without a price above 0 are skipped.
    """
    history = cloud.pages(
        "ec2",
        "describe_spot_price_history",
        "SpotPriceHistory",
        InstanceTypes=list(names),
        ProductDescriptions=[_LINUX],
        StartTime=datetime.now(timezone.utc),
    )
    newest: dict[tuple[str, str], tuple[Any, float]] = {}
    for each in history:
        key = (each["InstanceType"], each["AvailabilityZone"])
        price = price_of(each.get("SpotPrice"))
        if price is not None:
            entry = (each["Timestamp"], price)
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
            rows = list(_machine_rows(cloud, names[start : start + _MOST_NAMES]))
            prices = machine_prices(rows, cloud.region).prices
            found.update({name: price for name, price in prices.items() if name in names})
    except CloudError:
        return found
    return found


def average_spot_price(cloud: Cloud, name: str, zone: str, *, now: datetime, days: int) -> float | None:
    """The average spot price of a type in a zone over the ``days`` before ``now``, each price weighted by how
    long it was in force. None when the history has no price.
    """
    since = now - timedelta(days=days)
    history = cloud.pages(
        "ec2",
        "describe_spot_price_history",
        "SpotPriceHistory",
        InstanceTypes=[name],
        AvailabilityZone=zone,
        ProductDescriptions=[_LINUX],
        StartTime=since,
        EndTime=now,
    )
    rows = [(each["Timestamp"], price_of(each.get("SpotPrice"))) for each in history]
    known = sorted((at, price) for at, price in rows if price is not None and at <= now)
    ends = [*(at for at, _ in known), now][1:]
    weighted = seconds = 0.0
    for (at, price), end in zip(known, ends, strict=True):
        lasted = max(0.0, (end - max(at, since)).total_seconds())
        weighted, seconds = weighted + price * lasted, seconds + lasted
    return weighted / seconds if seconds else None


def region_prices(cloud: Cloud, date: str) -> RegionPrices:
    """All on-demand prices of the region and its other rates, from the price list of the day ``date``.

    Many requests: a page has 100 rows. Raises ``CloudError`` when the list cannot be read. A rate that the
    list does not have, or has twice with different prices, is None.
    """
    source = PriceSource(name="price-list", date=date)
    machines = machine_prices(_machine_rows(cloud), cloud.region).prices
    found = {name: _listed_rate(cloud, each) for name, each in _RATES.items()}
    for name in ("put_1000", "get_1000"):
        price = found[name]
        found[name] = None if price is None else round(price * 1000, 10)
    return RegionPrices(cloud.region, source, machines, Rates(**found, source=source))


@dataclass(frozen=True)
class _Rate:
    """Where a rate is listed: ``usage`` is the end of the usage type, which a region's prefix precedes."""

    service: str
    usage: str
    unit: str
    filters: Mapping[str, str]


_RATES: Mapping[str, _Rate] = {
    "volume_gb_month": _Rate("AmazonEC2", "EBS:VolumeUsage.gp3", "GB-Mo", {"productFamily": "Storage"}),
    "snapshot_gb_month": _Rate(
        "AmazonEC2", "EBS:SnapshotUsage", "GB-Mo", {"productFamily": "Storage Snapshot"}
    ),
    "public_ipv4_hour": _Rate(
        "AmazonVPC", "PublicIPv4:InUseAddress", "Hrs", {"group": "VPCPublicIPv4Address"}
    ),
    "s3_gb_month": _Rate("AmazonS3", "TimedStorage-ByteHrs", "GB-Mo", {"productFamily": "Storage"}),
    "put_1000": _Rate("AmazonS3", "Requests-Tier1", "Requests", {"group": "S3-API-Tier1"}),
    "get_1000": _Rate("AmazonS3", "Requests-Tier2", "Requests", {"group": "S3-API-Tier2"}),
    "transfer_out_gb": _Rate(
        "AWSDataTransfer", "DataTransfer-Out-Bytes", "GB", {"transferType": "AWS Outbound"}
    ),
}


def _listed_rate(cloud: Cloud, rate: _Rate) -> float | None:
    region = {"fromRegionCode" if rate.service == "AWSDataTransfer" else "regionCode": cloud.region}
    rows = _rows(cloud, rate.service, {**region, **rate.filters})
    prices = unit_prices((text for text in rows if is_usage(text, rate.usage)), (rate.unit,))
    return prices.pop() if len(prices) == 1 else None


def _machine_rows(cloud: Cloud, names: Sequence[str] = ()) -> Iterator[str]:
    filters = {"regionCode": cloud.region, **MACHINE_ATTRIBUTES}
    any_of = [{"Type": "ANY_OF", "Field": "instanceType", "Value": ",".join(names)}] if names else []
    return _rows(cloud, "AmazonEC2", filters, any_of)


def _rows(
    cloud: Cloud, service: str, wanted: Mapping[str, str], more: Sequence[Mapping[str, str]] = ()
) -> Iterator[str]:
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    return cloud.pages(
        "pricing", "get_products", "PriceList", ServiceCode=service, Filters=[*filters, *more], MaxResults=100
    )
