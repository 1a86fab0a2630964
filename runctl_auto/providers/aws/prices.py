"""Prices in USD as far as AWS reports them; an unknown price is absent, never 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.price_rows import MACHINE_ATTRIBUTES, is_usage, machine_prices, unit_prices
from runctl_auto.stack.prices import PriceSource, Rates, RegionPrices, price_of

_LINUX = "Linux/UNIX"
_MOST_NAMES = 30
"""How many types are requested at once: a filter takes 1,024 characters."""


@dataclass(frozen=True)
class SpotPrice:
    """USD an hour: the price in force, and the average of a period in which each price is weighted by how
    long it was in force.
    """

    now: float
    average: float


def spot_prices(
    cloud: Cloud, names: Sequence[str], *, now: datetime, days: int
) -> dict[tuple[str, str], SpotPrice]:
    """The spot prices by type and zone, their averages over the ``days`` before ``now``.

    The history begins with the price in force at its start, whose row may be older. Rows without a price
    above 0 are skipped. Raises ``CloudError``.
    """
    since = now - timedelta(days=days)
    history = cloud.pages(
        "ec2",
        "describe_spot_price_history",
        "SpotPriceHistory",
        InstanceTypes=list(names),
        ProductDescriptions=[_LINUX],
        StartTime=since,
        EndTime=now,
    )
    rows: dict[tuple[str, str], list[tuple[datetime, float]]] = {}
    for each in history:
        price = price_of(each.get("SpotPrice"))
        if price is not None and each["Timestamp"] <= now:
            key = (each["InstanceType"], each["AvailabilityZone"])
            rows.setdefault(key, []).append((each["Timestamp"], price))
    return {key: _spot_price(sorted(known), since, now) for key, known in rows.items()}


def _spot_price(rows: Sequence[tuple[datetime, float]], since: datetime, now: datetime) -> SpotPrice:
    ends = [*(at for at, _ in rows), now][1:]
    weighted = seconds = 0.0
    for (at, price), end in zip(rows, ends, strict=True):
        lasted = max(0.0, (end - max(at, since)).total_seconds())
        weighted, seconds = weighted + price * lasted, seconds + lasted
    newest = rows[-1][1]
    return SpotPrice(newest, weighted / seconds if seconds else newest)


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
