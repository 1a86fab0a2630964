"""The price list service, which moto lacks: on-demand prices of the known types, in one region.

Types that are not in the table are not listed, as on AWS for types it does not sell: their price is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws.cloud.aws_error import AwsError

SERVICE = "pricing"
REGION = "us-east-1"
USD_AN_HOUR: Mapping[str, float] = {
    "t3.micro": 0.0104,
    "t3.medium": 0.0416,
    "m5.large": 0.096,
    "g4dn.xlarge": 0.526,
    "g5.xlarge": 1.006,
    "p3.2xlarge": 3.06,
    "p4d.24xlarge": 32.77,
    "p5.48xlarge": 98.32,
}
_CODE = "AmazonEC2"
_ATTRIBUTES = {
    "servicecode": _CODE,
    "regionCode": REGION,
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "licenseModel": "No License required",
}


def answer(operation: str, body: bytes) -> dict[str, Any] | AwsError:
    """The response to a call of the service; only GetProducts of EC2 is supported."""
    if operation != "GetProducts":
        return AwsError(
            "InvalidAction", f"The sandbox's price list cannot do {operation}; it has GetProducts"
        )
    try:
        asked = json.loads(body or b"{}")
        filters = list(asked.get("Filters") or ())
        entries = [json.dumps(each) for each in _products() if all(_passes(each, one) for one in filters)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return AwsError("InvalidParameterException", f"The request cannot be understood: {error!r}")
    if asked.get("ServiceCode") != _CODE:
        return AwsError("NotFoundException", f"The sandbox has no prices of {asked.get('ServiceCode')}")
    return {"FormatVersion": "aws_v1", "PriceList": entries}


def _products() -> Iterator[dict[str, Any]]:
    for name, price in USD_AN_HOUR.items():
        sku = f"SANDBOX{name.upper().replace('.', '')}"
        dimension = {
            "unit": "Hrs",
            "description": f"${price} per On Demand Linux {name} Instance Hour",
            "pricePerUnit": {"USD": f"{price:.10f}"},
        }
        term = {"sku": sku, "priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": dimension}}
        yield {
            "product": {
                "productFamily": "Compute Instance",
                "sku": sku,
                "attributes": {**_ATTRIBUTES, "instanceType": name},
            },
            "serviceCode": _CODE,
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
        }


def _passes(product: Mapping[str, Any], one: Mapping[str, str]) -> bool:
    value = product["product"]["attributes"].get(one["Field"])
    kind = one["Type"]
    if kind in ("TERM_MATCH", "EQUALS"):
        return bool(value == one["Value"])
    if kind == "ANY_OF":
        return value in [each.strip() for each in one["Value"].split(",")]
    raise ValueError(f"filters of type {kind} are not supported")
