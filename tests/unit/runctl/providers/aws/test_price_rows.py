"""Rows of the price list that look like a price and are none: not one of them is taken."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from runctl_auto.providers.aws.price_rows import is_usage, machine_prices, unit_prices

REGION, NAME = "us-east-1", "m5.large"

Row = dict[str, Any]


def row(price: str = "0.0960000000") -> Row:
    dimension = {
        "unit": "Hrs",
        "beginRange": "0",
        "endRange": "Inf",
        "pricePerUnit": {"USD": price},
        "description": f"${price} per On Demand Linux {NAME} Instance Hour",
    }
    return {
        "product": {
            "productFamily": "Compute Instance",
            "attributes": {
                "instanceType": NAME,
                "regionCode": REGION,
                "operatingSystem": "Linux",
                "preInstalledSw": "NA",
                "tenancy": "Shared",
                "capacitystatus": "Used",
                "marketoption": "OnDemand",
                "licenseModel": "No License required",
                "usagetype": f"BoxUsage:{NAME}",
            },
        },
        "terms": {"OnDemand": {"S.T": {"priceDimensions": {"S.T.R": dimension}, "termAttributes": {}}}},
    }


def attribute(**changed: object) -> Callable[[Row], object]:
    return lambda each: each["product"]["attributes"].update(changed)


def dimension(**changed: object) -> Callable[[Row], object]:
    return lambda each: each["terms"]["OnDemand"]["S.T"]["priceDimensions"]["S.T.R"].update(changed)


def price(value: object) -> Callable[[Row], object]:
    return dimension(pricePerUnit={"USD": value})


def terms(changed: object) -> Callable[[Row], object]:
    return lambda each: each.update(terms=changed)


def product(**changed: object) -> Callable[[Row], object]:
    return lambda each: each["product"].update(changed)


def another_tier(each: Row) -> None:
    dimensions = each["terms"]["OnDemand"]["S.T"]["priceDimensions"]
    dimensions["S.T.Q"] = {**dimensions["S.T.R"], "pricePerUnit": {"USD": "0.05"}}


POISON: Mapping[str, Callable[[Row], object]] = {
    "price of 0": price("0.0000000000"),
    "negative": price("-0.096"),
    "not a number": price("NaN"),
    "infinite": price("inf"),
    "empty": price(""),
    "a word": price("free"),
    "null": price(None),
    "a list": price([0.096]),
    "other unit: quantity": dimension(unit="Quantity"),
    "other unit: seconds": dimension(unit="vCPU-Hours"),
    "no unit": dimension(unit=None),
    "yuan": dimension(pricePerUnit={"CNY": "0.6"}),
    "two currencies": dimension(pricePerUnit={"USD": "0.096", "EUR": "0.09"}),
    "no price": dimension(pricePerUnit=None),
    "a higher tier": dimension(beginRange="1000"),
    "two prices in one row": another_tier,
    "dedicated": attribute(tenancy="Dedicated"),
    "dedicated host": attribute(tenancy="Host"),
    "windows": attribute(operatingSystem="Windows", licenseModel="License included"),
    "red hat": attribute(operatingSystem="RHEL"),
    "own licence": attribute(licenseModel="Bring your own license"),
    "database installed": attribute(preInstalledSw="SQL Std"),
    "capacity block": attribute(marketoption="CapacityBlock"),
    "no market": attribute(marketoption=None),
    "unused reservation": attribute(capacitystatus="UnusedCapacityReservation"),
    "allocated reservation": attribute(capacitystatus="AllocatedCapacityReservation"),
    "another region": attribute(regionCode="eu-west-1"),
    "dedicated host family": product(productFamily="Dedicated Host"),
    "reserved only": terms({"Reserved": {"S.T": {"priceDimensions": {"S.T.R": {"unit": "Hrs"}}}}}),
    "no terms": terms(None),
    "terms of another form": terms({"OnDemand": {"S.T": "Hrs"}}),
}

NO_PRODUCT = (
    '{"disclaimer": "This pricing list is for informational purposes only."}',
    "null",
    "[]",
    '"m5.large"',
    "{",
    '{"product": {"attributes": null}}',
    '{"product": {"attributes": {"instanceType": 5}}}',
)


def poisoned(name: str) -> str:
    each = copy.deepcopy(row())
    POISON[name](each)
    return json.dumps(each)


def test_a_right_row_is_the_price() -> None:
    assert machine_prices([json.dumps(row())], REGION).prices == {NAME: 0.096}


@pytest.mark.parametrize("name", POISON)
def test_a_wrong_row_is_no_price_and_does_not_hide_the_right_one(name: str) -> None:
    alone = machine_prices([poisoned(name)], REGION)
    assert alone.prices == {}
    assert alone.refused[NAME]
    beside = machine_prices([poisoned(name), json.dumps(row()), poisoned(name)], REGION)
    assert beside.prices == {NAME: 0.096}
    assert beside.refused == {}


@pytest.mark.parametrize("text", NO_PRODUCT)
def test_what_is_no_product_is_skipped(text: str) -> None:
    assert machine_prices([text, json.dumps(row())], REGION).prices == {NAME: 0.096}


def test_rows_that_disagree_leave_the_price_unknown() -> None:
    found = machine_prices([json.dumps(row("0.096")), json.dumps(row("0.105"))], REGION)
    assert found.prices == {}
    assert found.refused[NAME] == "rows disagree: 0.096, 0.105 USD"
    assert machine_prices([json.dumps(row("0.096")), json.dumps(row("0.0960"))], REGION).prices == {
        NAME: 0.096
    }


@pytest.mark.parametrize(
    ("stated", "same"),
    [
        ("EBS:SnapshotUsage", True),
        ("USE2-EBS:SnapshotUsage", True),
        ("EBS:SnapshotUsageUnderBilling", False),
        ("EBS:SnapshotArchiveStorage", False),
        (None, False),
    ],
)
def test_a_usage_type_may_have_a_regions_prefix(stated: str | None, same: bool) -> None:
    each = row()
    each["product"]["attributes"]["usagetype"] = stated
    assert is_usage(json.dumps(each), "EBS:SnapshotUsage") is same


def test_only_the_first_tier_of_a_rate_counts() -> None:
    first, second = row("0.09"), row("0.085")
    dimension(unit="GB", beginRange="0")(first)
    dimension(unit="GB", beginRange="10240")(second)
    assert unit_prices([json.dumps(first), json.dumps(second)], ("GB",)) == {0.09}
