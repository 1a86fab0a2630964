"""The plan's figures for job files, against sums made here from the book's rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.job_stacks import job_spec, placement, stack_config

from policies.environment import Costs
from runctl_auto.cost.amount import Amount
from runctl_auto.cost.cost_json import cost_json
from runctl_auto.cost.estimate import estimate
from runctl_auto.stack.config import GroupChoice, StackConfig
from runctl_auto.stack.prices import PriceSource, Rates

BOOK = PriceSource(name="book", date="2026-01-19")
RATES = Rates(volume_gb_month=0.08, public_ipv4_hour=0.005, source=BOOK)
NEW_DATA = {"name": "data", "mount": "/data", "size": "100GB"}
OLD_DATA = {"name": "old", "mount": "/old", "id": "vol-0123456789abcdef0"}


def config(job: dict[str, Any], where: dict[str, Any], rates: Rates = RATES) -> StackConfig:
    resources = {"instance_types": ["m5.large"], "disk": "50GB", **job.pop("resources", {})}
    return stack_config(
        job=job_spec(resources=resources, **job),
        placement=placement(
            instance_type="m5.large", **{"price_hour": 0.096, "market": "on-demand", **where}
        ),
        rates=rates,
    )


DISK_50 = 50 * 0.08 / 730
DISK_20 = 20 * 0.08 / 730
DATA_100 = 100 * 0.08 / 730
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], float, float | None, float]] = {
    # job file, place, USD an hour, USD at worst, USD a month that is kept
    "machine and disk": ({}, {}, 0.096 + DISK_50, None, 0),
    "spot": ({}, {"market": "spot", "price_hour": 0.03}, 0.03 + DISK_50, None, 0),
    "small disk": ({"resources": {"disk": "20GB"}}, {}, 0.096 + DISK_20, None, 0),
    "address": ({}, {"public_address": True}, 0.101 + DISK_50, None, 0),
    "an hour": ({"max_duration": "1h"}, {}, 0.096 + DISK_50, 0.096 + DISK_50, 0),
    "90 minutes": ({"max_duration": "90m"}, {}, 0.096 + DISK_50, 1.5 * (0.096 + DISK_50), 0),
    "a week": ({"max_duration": "7d"}, {}, 0.096 + DISK_50, 168 * (0.096 + DISK_50), 0),
    "two nodes": ({"nodes": 2}, {}, 2 * (0.096 + DISK_50), None, 0),
    "four nodes, addresses": ({"nodes": 4}, {"public_address": True}, 4 * (0.101 + DISK_50), None, 0),
    "three nodes, a day": (
        {"nodes": 3, "max_duration": "24h"},
        {},
        3 * (0.096 + DISK_50),
        72 * (0.096 + DISK_50),
        0,
    ),
    "volume": ({"volumes": [NEW_DATA]}, {}, 0.096 + DISK_50 + DATA_100, None, 8.0),
    "volume that exists": ({"volumes": [OLD_DATA]}, {}, 0.096 + DISK_50, None, 0),
    "both volumes": ({"volumes": [NEW_DATA, OLD_DATA]}, {}, 0.096 + DISK_50 + DATA_100, None, 8.0),
    "volume, 2 h": (
        {"volumes": [NEW_DATA], "max_duration": "2h"},
        {},
        0.096 + DISK_50 + DATA_100,
        2 * (0.096 + DISK_50 + DATA_100),
        8.0,
    ),
    "protected volume": (
        {"volumes": [{**NEW_DATA, "protect": True}]},
        {},
        0.096 + DISK_50 + DATA_100,
        None,
        8.0,
    ),
    "volume, two nodes": (
        {"volumes": [NEW_DATA], "nodes": 2},
        {},
        2 * (0.096 + DISK_50) + DATA_100,
        None,
        8.0,
    ),
    "1 TB volume": (
        {"volumes": [{**NEW_DATA, "size": "1000GB"}]},
        {},
        0.096 + DISK_50 + 80 / 730,
        None,
        80.0,
    ),
    "large": ({}, {"price_hour": 55.04}, 55.04 + DISK_50, None, 0),
    "limits": (
        {"max_price": 0.2, "budget": 5, "max_duration": "10h"},
        {},
        0.096 + DISK_50,
        10 * (0.096 + DISK_50),
        0,
    ),
    "all": (
        {"volumes": [NEW_DATA], "nodes": 2, "max_duration": "3h", "budget": 9},
        {"public_address": True, "market": "spot", "price_hour": 0.04},
        2 * (0.045 + DISK_50) + DATA_100,
        3 * (2 * (0.045 + DISK_50) + DATA_100),
        8.0,
    ),
}


@pytest.mark.parametrize(("job", "where", "hour", "worst", "kept"), CASES.values(), ids=CASES)
def test_figures_equal_a_sum_by_hand(
    job: dict[str, Any], where: dict[str, Any], hour: float, worst: float | None, kept: float
) -> None:
    found = estimate(config(dict(job), where))
    assert found.hour.complete
    assert found.hour.usd == pytest.approx(hour, abs=1e-9)
    assert (found.worst_case.usd if found.worst_case else None) == (
        None if worst is None else pytest.approx(worst, abs=1e-9)
    )
    assert found.kept_month.usd == pytest.approx(kept, abs=1e-9)


@pytest.mark.parametrize(("job", "where"), [each[:2] for each in CASES.values()], ids=CASES)
def test_policies_judge_the_same_figures(job: dict[str, Any], where: dict[str, Any]) -> None:
    decided = config(dict(job), where)
    found, spec = estimate(decided), decided.job
    judged = Costs(
        price_hour=decided.placement.price_hour,
        max_price=spec.max_price,
        max_duration_seconds=spec.max_duration,
        nodes=spec.nodes,
        storage_gb=spec.resources.disk * spec.nodes + sum(each.size or 0 for each in spec.volumes),
        budget=spec.budget,
        market=decided.placement.market,
        volume_gb_month=decided.rates.volume_gb_month,
        address_hour=0.005 if decided.placement.public_address else 0.0,
    )
    assert judged.cost_hour(1.0) == pytest.approx(found.hour.usd)
    worst = found.worst_case
    assert judged.worst_case(1.0) == (None if worst is None else pytest.approx(worst.usd))


def test_an_unknown_price_makes_a_sum_the_least_it_costs() -> None:
    found = estimate(config({"max_duration": "2h", "volumes": [NEW_DATA]}, {"price_hour": None}))
    assert found.hour == Amount(pytest.approx(DISK_50 + DATA_100), complete=False)
    assert found.worst_case is not None
    assert not found.worst_case.complete
    assert found.kept_month.complete
    as_json = cost_json(found, None)
    assert as_json["priceNotFound"] is True
    assert as_json["worstCaseCost"] is None
    assert as_json["costComponents"][0]["hourlyCost"] is None
    assert as_json["costComponents"][0]["priceNotFound"] is True
    assert as_json["totalHourlyCost"] == pytest.approx(DISK_50 + DATA_100, abs=1e-6)


def test_rates_that_are_unknown_are_not_free() -> None:
    found = estimate(config({}, {"public_address": True}, Rates()))
    assert found.hour == Amount(pytest.approx(0.096), complete=False)
    assert [each.hour.complete for each in found.parts] == [True, False, False]


def test_the_expected_cost_uses_the_average_price_of_the_market() -> None:
    where = {"market": "spot", "price_hour": 0.03, "price_average": 0.05}
    found = estimate(config({"max_duration": "10h", "nodes": 2}, where))
    assert found.expected_hour.usd == pytest.approx(2 * (0.05 + DISK_50))
    assert found.expected is not None
    assert found.expected.usd == pytest.approx(20 * (0.05 + DISK_50))
    assert found.worst_case is not None
    assert found.worst_case.usd == pytest.approx(20 * (0.03 + DISK_50))


def test_a_run_that_has_ended_costs_what_it_keeps() -> None:
    found = estimate(config({"max_duration": "2h", "volumes": [NEW_DATA]}, {}), ended=True)
    assert [each.kind for each in found.parts] == ["volume"]
    assert found.worst_case is None
    assert found.kept_month.usd == pytest.approx(8.0)


def test_json_tells_the_difference_to_what_runs() -> None:
    before = estimate(config({}, {"price_hour": 0.05}))
    after = estimate(config({}, {"price_source": PriceSource(name="price-list", date="2026-01-31")}))
    found = cost_json(after, before)
    assert found["diffTotalMonthlyCost"] == pytest.approx((0.096 - 0.05) * 730)
    assert found["pastTotalMonthlyCost"] == pytest.approx((0.05 + DISK_50) * 730, abs=1e-5)
    assert found["totalMonthlyCost"] == pytest.approx((0.096 + DISK_50) * 730, abs=1e-5)
    assert found["sources"] == [
        {"name": "price-list", "date": "2026-01-31"},
        {"name": "book", "date": "2026-01-19"},
    ]


def test_a_group_counts_as_its_dearest_machine() -> None:
    group = GroupChoice(
        prices={"m5.large": 0.03, "m5.xlarge": 0.05}, subnets=(), root_device="/dev/xvda", began_at=0
    )
    found = estimate(replace(config({}, {"market": "spot", "price_hour": 0.03}), group=group))
    (machine,) = [each for each in found.parts if each.kind == "machine"]
    assert (machine.name, machine.price) == ("m5.xlarge spot", 0.05)


def test_of_several_machines_some_may_be_on_demand() -> None:
    where = {"market": "spot", "price_hour": 0.03, "price_average": 0.05, "on_demand_hour": 0.1}
    found = estimate(config({"nodes": 4, "on_demand_ranks": [0]}, where))
    machines = [(each.name, each.quantity, each.price) for each in found.parts if each.kind == "machine"]
    assert [each[1:] for each in machines] == [(3, 0.03), (1, 0.1)]
    assert machines[1][0].endswith("on-demand")
    assert found.expected_hour.usd == pytest.approx(3 * 0.05 + 0.1 + 4 * DISK_50)
    unknown = estimate(config({"nodes": 4, "on_demand_ranks": [0]}, {**where, "on_demand_hour": None}))
    assert not unknown.hour.complete


def test_disk_and_volume_of_a_pod_have_runpods_prices() -> None:
    job = {"provider": "runpod", "volumes": [{**NEW_DATA, "size": "2TB"}]}
    parts = estimate(config(job, {"provider": "runpod", "price_hour": 0.5})).parts
    disk, volume = (next(each for each in parts if each.kind == kind) for kind in ("disk", "volume"))
    assert (disk.name, disk.month.usd) == ("disk, of the pod", pytest.approx(50 * 0.10))
    assert volume.month.usd == pytest.approx(1000 * 0.07 + (volume.quantity - 1000) * 0.05)
    assert "network volume" in volume.name
