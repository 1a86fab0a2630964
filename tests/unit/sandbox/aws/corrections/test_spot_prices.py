from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.corrections.spot_prices import on_demand_price, spot_price

ON_DEMAND = {"t3.micro": 0.0104, "g4dn.xlarge": 0.526, "g5.xlarge": 1.006, "p5.48xlarge": 55.04}


def history(cloud: Any, **asked: Any) -> list[dict[str, Any]]:
    return list(cloud.ec2.describe_spot_price_history(**asked)["SpotPriceHistory"])


def test_prices_are_plausible_and_below_on_demand(cloud: Any) -> None:
    rows = history(cloud, InstanceTypes=list(ON_DEMAND), ProductDescriptions=["Linux/UNIX"])
    assert {row["InstanceType"] for row in rows} == set(ON_DEMAND)
    for row in rows:
        share = float(row["SpotPrice"]) / ON_DEMAND[row["InstanceType"]]
        assert 0.2 < share < 0.5


def test_zones_differ_and_the_answer_does_not_change(cloud: Any) -> None:
    asked = {"InstanceTypes": ["g5.xlarge"], "ProductDescriptions": ["Linux/UNIX"]}
    prices = {row["AvailabilityZone"]: row["SpotPrice"] for row in history(cloud, **asked)}
    assert len(set(prices.values())) > 1
    assert prices == {row["AvailabilityZone"]: row["SpotPrice"] for row in history(cloud, **asked)}


def test_a_zone_can_be_asked_for(cloud: Any) -> None:
    rows = history(cloud, InstanceTypes=["t3.micro"], AvailabilityZone="us-east-1b")
    assert [row["AvailabilityZone"] for row in rows] == ["us-east-1b"]


def test_windows_has_no_prices_here(cloud: Any) -> None:
    assert history(cloud, InstanceTypes=["t3.micro"], ProductDescriptions=["Windows"]) == []


def test_answers_come_in_pages(cloud: Any) -> None:
    paginator = cloud.ec2.get_paginator("describe_spot_price_history")
    pages = list(paginator.paginate(InstanceTypes=["t3.micro"], PaginationConfig={"PageSize": 2}))
    assert len(pages) > 1
    assert all(len(page["SpotPriceHistory"]) <= 2 for page in pages)


def test_an_unknown_type_is_an_error(cloud: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        history(cloud, InstanceTypes=["z9.huge"])


def test_every_type_and_zone_has_a_price_below_its_on_demand_price() -> None:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    for instance_type in INSTANCE_TYPES:
        assert 0 < spot_price(instance_type, "eu-west-1c") <= on_demand_price(instance_type, "eu-west-1")
