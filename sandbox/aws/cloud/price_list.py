"""The price list service, which moto lacks: the prices of runctl's shipped book, in one region.

Beside each machine's price it has rows as on AWS that are no price of a machine by the hour: Windows,
dedicated tenancy, pre-installed software, a capacity block and unused reserved capacity at 0. Types that are
not in the book are not listed, as on AWS for types it does not sell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from sandbox.aws.cloud.aws_error import AwsError

SERVICE = "pricing"
REGION = "us-east-1"
_BOOK: Mapping[str, Any] = json.loads(
    resources.files("runctl_auto.cost")
    .joinpath("shipped")
    .joinpath(f"{REGION}.json")
    .read_text(encoding="utf-8")
)
USD_AN_HOUR: Mapping[str, float] = _BOOK["on_demand"]
RATES: Mapping[str, float] = _BOOK["rates"]
_MACHINES = "AmazonEC2"
_ATTRIBUTES = {
    "servicecode": _MACHINES,
    "regionCode": REGION,
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
    "licenseModel": "No License required",
}
_OTHER_ROWS: tuple[tuple[Mapping[str, str], float], ...] = (
    ({"operatingSystem": "Windows", "licenseModel": "License included"}, 1.9),
    ({"tenancy": "Dedicated"}, 1.1),
    ({"preInstalledSw": "SQL Std"}, 6.0),
    ({"marketoption": "CapacityBlock"}, 0.0),
    ({"capacitystatus": "UnusedCapacityReservation"}, 1.0),
    ({"capacitystatus": "AllocatedCapacityReservation"}, 0.0),
)
"""Attributes that differ, and the factor on the price."""


@dataclass(frozen=True)
class _Rate:
    """How a rate of the book is listed; ``units`` is how many the book's price is for."""

    service: str
    usage: str
    unit: str
    attributes: Mapping[str, str]
    units: int = 1


_RATES: Mapping[str, _Rate] = {
    "volume_gb_month": _Rate(_MACHINES, "EBS:VolumeUsage.gp3", "GB-Mo", {"productFamily": "Storage"}),
    "snapshot_gb_month": _Rate(
        _MACHINES, "EBS:SnapshotUsage", "GB-Mo", {"productFamily": "Storage Snapshot"}
    ),
    "public_ipv4_hour": _Rate(
        "AmazonVPC", "PublicIPv4:InUseAddress", "Hrs", {"group": "VPCPublicIPv4Address"}
    ),
    "s3_gb_month": _Rate("AmazonS3", "TimedStorage-ByteHrs", "GB-Mo", {"productFamily": "Storage"}),
    "put_1000": _Rate("AmazonS3", "Requests-Tier1", "Requests", {"group": "S3-API-Tier1"}, 1000),
    "get_1000": _Rate("AmazonS3", "Requests-Tier2", "Requests", {"group": "S3-API-Tier2"}, 1000),
    "transfer_out_gb": _Rate(
        "AWSDataTransfer", "DataTransfer-Out-Bytes", "GB", {"transferType": "AWS Outbound"}
    ),
}
_SERVICES = {each.service for each in _RATES.values()}
_PAGE = 100


def answer(operation: str, body: bytes) -> dict[str, Any] | AwsError:
    """The response to a call of the service; only GetProducts of EC2 is supported."""
    if operation != "GetProducts":
        return AwsError(
            "InvalidAction", f"The sandbox's price list cannot do {operation}; it has GetProducts"
        )
    try:
        asked = json.loads(body or b"{}")
        filters, service = list(asked.get("Filters") or ()), asked.get("ServiceCode")
        rows = (each for each in _products() if each["serviceCode"] == service)
        entries = [json.dumps(each) for each in rows if all(_passes(each, one) for one in filters)]
        start, size = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or _PAGE)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return AwsError("InvalidParameterException", f"The request cannot be understood: {error!r}")
    if service not in _SERVICES:
        return AwsError("NotFoundException", f"The sandbox has no prices of {service}")
    page: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": entries[start : start + size]}
    return {**page, "NextToken": str(start + size)} if start + size < len(entries) else page


def _products() -> Iterator[dict[str, Any]]:
    for name, price in USD_AN_HOUR.items():
        for changed, factor in (({}, 1.0), *_OTHER_ROWS):
            attributes = {**_ATTRIBUTES, **changed, "instanceType": name}
            yield _product(_MACHINES, attributes, "Compute Instance", "Hrs", price * factor)
    for name, rate in _RATES.items():
        attributes = {
            "usagetype": rate.usage,
            "fromRegionCode": REGION,
            "regionCode": REGION,
            **rate.attributes,
        }
        family = rate.attributes.get("productFamily", "Other")
        yield _product(rate.service, attributes, family, rate.unit, RATES[name] / rate.units)


def _product(
    service: str, attributes: Mapping[str, str], family: str, unit: str, price: float
) -> dict[str, Any]:
    described = json.dumps(attributes, sort_keys=True).encode()
    sku = hashlib.sha256(described).hexdigest()[:16].upper()
    dimension = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"${price} per {unit}",
        "pricePerUnit": {"USD": f"{price:.10f}"},
    }
    term = {"sku": sku, "priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": dimension}}
    return {
        "product": {
            "productFamily": family,
            "sku": sku,
            "attributes": {"servicecode": service, **attributes},
        },
        "serviceCode": service,
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
    }


def _passes(product: Mapping[str, Any], one: Mapping[str, str]) -> bool:
    described = product["product"]
    value = {"productFamily": described["productFamily"], **described["attributes"]}.get(one["Field"])
    kind = one["Type"]
    if kind in ("TERM_MATCH", "EQUALS"):
        return bool(value == one["Value"])
    if kind == "ANY_OF":
        return value in [each.strip() for each in one["Value"].split(",")]
    raise ValueError(f"filters of type {kind} are not supported")
