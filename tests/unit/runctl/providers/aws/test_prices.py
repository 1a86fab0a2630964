"""Prices as runctl asks for them: the list by page, and the spot history weighted by time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from runctl_auto.cost.book import PriceBook
from runctl_auto.errors import AccessDeniedError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.prices import SpotPrice, region_prices, spot_prices
from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.price_list import answer

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


class PriceList:
    """The emulated price list, asked without a server."""

    def get_products(self, **asked: Any) -> Any:
        told = answer("GetProducts", json.dumps(asked).encode())
        assert not isinstance(told, AwsError)
        return told


class History:
    """A spot price history: rows as EC2 returns them."""

    def __init__(self, *rows: tuple[datetime, object]) -> None:
        self.rows = rows
        self.asked: dict[str, Any] = {}

    def describe_spot_price_history(self, **asked: Any) -> Any:
        self.asked = asked
        entry = {"InstanceType": "m5.large", "AvailabilityZone": "us-east-1a"}
        return {
            "SpotPriceHistory": [{**entry, "Timestamp": at, "SpotPrice": price} for at, price in self.rows]
        }


def average(*rows: tuple[datetime, object]) -> float | None:
    cloud = Cloud(lambda service, region: History(*rows), "us-east-1")
    found = spot_prices(cloud, ["m5.large"], now=NOW, days=7)
    return found["m5.large", "us-east-1a"].average if found else None


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def test_the_whole_list_of_a_region_equals_the_shipped_book() -> None:
    shipped = PriceBook().region("us-east-1")
    assert shipped is not None
    read = region_prices(Cloud(lambda service, region: PriceList(), "us-east-1"), "2026-01-31")
    assert dict(read.on_demand) == dict(shipped.on_demand)
    assert {**vars(read.rates), "source": None} == {**vars(shipped.rates), "source": None}
    assert read.source.name == "price-list"
    assert read.source.date == "2026-01-31"


def test_a_region_that_is_not_listed_has_no_prices() -> None:
    read = region_prices(Cloud(lambda service, region: PriceList(), "eu-west-1"), "2026-01-31")
    assert read.on_demand == {}
    assert {name for name, value in vars(read.rates).items() if value is not None} == {"source"}


def test_a_list_that_cannot_be_read_is_an_error() -> None:
    from botocore.exceptions import ClientError

    class Denied:
        def get_products(self, **asked: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetProducts")

    with pytest.raises(AccessDeniedError):
        region_prices(Cloud(lambda service, region: Denied(), "us-east-1"), "2026-01-31")


def test_the_average_weighs_each_price_by_how_long_it_was_in_force() -> None:
    assert average((hours_ago(168), "0.10"), (hours_ago(84), "0.20")) == pytest.approx(0.15)
    assert average((hours_ago(84), "0.20"), (hours_ago(168), "0.10")) == pytest.approx(0.15)


def test_the_row_before_the_period_is_in_force_at_its_start() -> None:
    assert average((hours_ago(500), "0.10"), (hours_ago(42), "0.50")) == pytest.approx(
        0.10 * 0.75 + 0.50 * 0.25
    )
    assert average((hours_ago(500), "0.10")) == pytest.approx(0.10)


@pytest.mark.parametrize(
    "rows", [(), ((hours_ago(5), "0"),), ((hours_ago(5), "NaN"),), ((hours_ago(-5), "1"),)]
)
def test_a_history_without_prices_has_no_average(rows: tuple[tuple[datetime, object], ...]) -> None:
    assert average(*rows) is None


def test_the_spot_price_in_force_is_the_newest_row_with_a_price() -> None:
    history = History((hours_ago(9), "0.03"), (hours_ago(2), "0.04"), (hours_ago(1), "0.0"))
    cloud = Cloud(lambda service, region: history, "us-east-1")
    (found,) = spot_prices(cloud, ["m5.large"], now=NOW, days=7).items()
    assert found == (("m5.large", "us-east-1a"), SpotPrice(0.04, pytest.approx((7 * 0.03 + 2 * 0.04) / 9)))
    assert (history.asked["StartTime"], history.asked["EndTime"]) == (NOW - timedelta(days=7), NOW)
