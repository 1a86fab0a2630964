"""The price list service, which moto lacks: the prices of runctl's shipped book, in one region.

Beside each machine's price it has rows as on AWS that are no price of a machine by the hour: Windows, dedicated
tenancy, pre-installed software, a capacity block and unused reserved capacity at 0. Types that are not in the
book are not listed, as on AWS for types it does not sell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from sandbox.aws.cloud.aws_error import AwsError

SERVICE = "pricing"
REGION = "us-east-1"
_BOOK: Mapping[str, Any] = json.loads(
    resources.files("runctl_auto.cost").joinpath("shipped", f"{REGION}.json").read_text(encoding="utf-8")
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
_RATE_ROWS: tuple[tuple[str, str, str, Mapping[str, str], str, float], ...] = (
    ("volume_gb_month", _MACHINES, "EBS:VolumeUsage.gp3", {"productFamily": "Storage"}, "GB-Mo", 1),
    ("snapshot_gb_month", _MACHINES, "EBS:SnapshotUsage", {"productFamily": "Storage Snapshot"}, "GB-Mo", 1),
    ("public_ipv4_hour", "AmazonVPC", "PublicIPv4:InUseAddress", {"group": "VPCPublicIPv4Address"}, "Hrs", 1),
    ("s3_gb_month", "AmazonS3", "TimedStorage-ByteHrs", {"productFamily": "Storage"}, "GB-Mo", 1),
    ("put_1000", "AmazonS3", "Requests-Tier1", {"group": "S3-API-Tier1"}, "Requests", 1000),
    ("get_1000", "AmazonS3", "Requests-Tier2", {"group": "S3-API-Tier2"}, "Requests", 1000),
    ("transfer_out_gb", "AWSDataTransfer", "DataTransfer-Out-Bytes", {"transferType": "AWS Outbound"}, "GB", 1),
)
_PAGE = 100
_SERVICES = {each[1] for each in _RATE_ROWS}


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
        for number, (changed, factor) in enumerate((({}, 1.0), *_OTHER_ROWS)):
            attributes = {**_ATTRIBUTES, **changed, "instanceType": name}
            sku = f"SANDBOX{name.upper().replace('.', '')}{number}"
            yield _product(_MACHINES, sku, "Compute Instance", attributes, "Hrs", price * factor)
    for rate, service, usage, wanted, unit, divisor in _RATE_ROWS:
        region = {"fromRegionCode": REGION, "regionCode": REGION}
        family = wanted.get("productFamily", "Other")
        attributes = {"servicecode": service, "usagetype": usage, **region, **wanted}
        yield _product(service, f"SANDBOX{rate.upper()}", family, attributes, unit, RATES[rate] / divisor)


def _product(
    service: str, sku: str, family: str, attributes: Mapping[str, str], unit: str, price: float
) -> dict[str, Any]:
    dimension = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"${price} per {unit}",
        "pricePerUnit": {"USD": f"{price:.10f}"},
    }
    term = {"sku": sku, "priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": dimension}}
    return {
        "product": {"productFamily": family, "sku": sku, "attributes": dict(attributes)},
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
