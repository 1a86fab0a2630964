"""The order of offers: unknown prices last, then market, the job's own order, and the expected cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.job_stacks import job_spec, placement

from runctl_auto.placement.order import expected_hour, places_of, ranked
from runctl_auto.providers.contract import Offer
from runctl_auto.stack.prices import HOURS_OF_A_MONTH, Rates

RATES = Rates(volume_gb_month=0.08, public_ipv4_hour=0.005)
SIZED = {"cpu": "1.."}


def offer(name: str = "m5.large", zone: str = "a", price: float | None = 0.04, **more: Any) -> Offer:
    market = more.get("market", "spot")
    place = placement(instance_type=name, zone=zone, market=market, price_hour=price, disk_gb=50)
    values = {"market": market, "price_hour": price, "places": (place,), **more}
    return Offer(instance_type=name, zone=zone, **values)


def order(*offers: Offer, **job: Any) -> list[tuple[str, str, str]]:
    spec = job_spec(**{"resources": SIZED, **job})
    found = ranked(offers, spec, RATES)
    return [(each.offer.market, each.offer.instance_type, each.offer.zone) for each in found]


def test_the_cheaper_comes_first() -> None:
    dear, cheap = offer(zone="a", price=0.05), offer(zone="b", price=0.04)
    assert order(dear, cheap) == [("spot", "m5.large", "b"), ("spot", "m5.large", "a")]


def test_spot_comes_before_on_demand_where_both_are_allowed() -> None:
    cheap = offer("t3.micro", market="on-demand", price=0.01)
    assert order(cheap, offer())[0] == ("spot", "m5.large", "a")


def test_an_unknown_price_never_comes_first() -> None:
    """Not even in the preferred market, or for the type that the job names first."""
    unknown = offer("g5.xlarge", price=None, rank=0)
    known = offer(market="on-demand", price=9.0, rank=1)
    assert order(unknown, known, resources={"instance_types": ["g5.xlarge", "m5.large"]}) == [
        ("on-demand", "m5.large", "a"),
        ("spot", "g5.xlarge", "a"),
    ]


def test_the_jobs_own_order_of_types_counts_more_than_the_price() -> None:
    first, second = offer("m5.xlarge", price=0.09, rank=0), offer("t3.micro", price=0.01, rank=1)
    assert order(second, first)[0] == ("spot", "m5.xlarge", "a")


def test_the_average_of_the_last_days_is_what_is_expected() -> None:
    calm, wild = (
        offer(zone="a", price=0.05, price_average=0.05),
        offer(zone="b", price=0.04, price_average=0.09),
    )
    assert order(wild, calm)[0] == ("spot", "m5.large", "a")


def test_a_low_score_counts_as_a_higher_price() -> None:
    risky, safe = offer(zone="a", price=0.040, score=2), offer(zone="b", price=0.042, score=9)
    assert order(risky, safe)[0][2] == "b"
    much_cheaper = offer(zone="a", price=0.030, score=2)
    assert order(much_cheaper, safe)[0][2] == "a"
    unknown = offer(zone="a", price=0.041, score=None)
    assert order(unknown, replace(safe, score=10))[0][2] == "a"


def test_the_expected_cost_has_disk_address_and_volumes() -> None:
    volume = {"name": "data", "size": "100GB", "mount": "/data"}
    spec = job_spec(resources=SIZED, volumes=[volume], nodes=2)
    public = placement(disk_gb=50, public_address=True)
    found = expected_hour(offer(price=0.04, places=(public,)), spec, RATES)
    storage = 0.08 / HOURS_OF_A_MONTH
    assert found.usd == pytest.approx(2 * 0.04 + 2 * 50 * storage + 2 * 0.005 + 100 * storage)
    assert found.complete
    assert not expected_hour(offer(), spec, Rates()).complete, "an unknown part is not free"
    assert not expected_hour(offer(price=None), spec, RATES).complete


def test_a_larger_disk_decides_between_equal_machines() -> None:
    large = offer(zone="a", places=(placement(zone="a", disk_gb=500),))
    assert order(large, offer(zone="b"))[0][2] == "b"


def test_what_is_left_out_comes_last_and_has_no_place() -> None:
    left_out = offer(price=0.001, places=(), left_out="too small a quota")
    found = ranked([left_out, offer()], job_spec(resources=SIZED), RATES)
    assert [each.offer.left_out for each in found] == [None, "too small a quota"]
    assert len(places_of(found)) == 1


def test_places_of_a_zone_follow_one_another_and_those_without_internet_are_last() -> None:
    two = (placement(subnet="subnet-1"), placement(subnet="subnet-2"))
    closed = (placement(zone="b", subnet="subnet-3", internet=False),)
    found = ranked([offer(places=closed, price=0.01), offer(places=two)], job_spec(resources=SIZED), RATES)
    assert [each.subnet for each in places_of(found)] == ["subnet-1", "subnet-2", "subnet-3"]


prices = some.none() | some.floats(0.001, 50)
offers = some.builds(
    offer,
    some.sampled_from(["m5.large", "g5.xlarge", "t3.micro"]),
    some.sampled_from("abc"),
    prices,
    market=some.sampled_from(["spot", "on-demand"]),
    score=some.none() | some.integers(1, 10),
    left_out=some.none() | some.just("why"),
)


@given(some.lists(offers, max_size=12))
def test_any_offers_keep_unknown_prices_behind_known_ones(found: list[Offer]) -> None:
    result = [each.offer for each in ranked(found, job_spec(resources=SIZED), RATES)]
    assert sorted(map(id, result)) == sorted(map(id, found))
    groups = [(each.left_out is not None, each.price_hour is None) for each in result]
    assert groups == sorted(groups)


ON_BOTH = {"providers": ["aws", "runpod"], "resources": {"gpu": "A40:1"}}
POD = offer("nvidia-a40.1", "EU-RO-1", 0.02, market="on-demand", provider="runpod")
SPOT, ON_DEMAND = offer(price=0.01), offer(price=0.03, market="on-demand")


def test_of_several_providers_all_of_the_first_come_first() -> None:
    found = [each[1] for each in order(POD, ON_DEMAND, SPOT, **ON_BOTH)]
    assert found == ["m5.large", "m5.large", "nvidia-a40.1"]
    turned = {**ON_BOTH, "providers": ["runpod", "aws"]}
    assert order(POD, ON_DEMAND, SPOT, **turned)[0][1] == "nvidia-a40.1"


def test_by_price_neither_provider_nor_market_counts() -> None:
    found = order(ON_DEMAND, POD, SPOT, offer(price=None), **ON_BOTH, provider_order="price")
    assert [each[0] for each in found] == ["spot", "on-demand", "on-demand", "spot"]
    assert found[1][1] == "nvidia-a40.1"
