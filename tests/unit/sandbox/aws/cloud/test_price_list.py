"""On-demand prices as the price list tells them, asked for the way runctl does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.prices import on_demand_prices
from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.price_list import USD_AN_HOUR, answer


class Client:
    def get_products(self, **asked: Any) -> Any:
        told = answer("GetProducts", json.dumps(asked).encode())
        assert not isinstance(told, AwsError)
        return told


def prices(region: str, *names: str) -> dict[str, float]:
    return on_demand_prices(Cloud(lambda service, where: Client(), region), names)


def test_known_prices_are_told_and_others_are_unknown() -> None:
    assert prices("us-east-1", "g5.xlarge", "m5.large", "q9.large") == {"g5.xlarge": 1.006, "m5.large": 0.096}
    assert prices("us-east-1", *USD_AN_HOUR) == dict(USD_AN_HOUR)


def test_another_regions_prices_are_unknown() -> None:
    assert prices("eu-west-1", "g5.xlarge") == {}


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("ListPriceLists", b"{}", "InvalidAction"),
        ("GetProducts", b'{"ServiceCode": "AmazonRDS"}', "NotFoundException"),
        ("GetProducts", b"[", "InvalidParameterException"),
        ("GetProducts", b"[]", "InvalidParameterException"),
        (
            "GetProducts",
            b'{"ServiceCode": "AmazonEC2", "Filters": [{"Field": "tenancy", "Type": "X", "Value": "x"}]}',
            "InvalidParameterException",
        ),
    ],
)
def test_what_it_cannot_do_is_refused(operation: str, body: bytes, code: str) -> None:
    told = answer(operation, body)
    assert isinstance(told, AwsError)
    assert told.code == code
