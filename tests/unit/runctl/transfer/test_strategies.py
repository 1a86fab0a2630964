"""What a plan says of its strategies, in words and where something is unknown. How good its choice is:
test_recommendation.py.
"""

from __future__ import annotations

import random

import pytest

from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.stack.prices import Rates
from runctl_auto.transfer.service_rates import ALL
from runctl_auto.transfer.strategies import STRATEGIES, Plan, Prices, Workload, plan_data, still_there

GB = 10**9
RATES = Rates(volume_gb_month=0.08, snapshot_gb_month=0.05, put_1000=0.005, get_1000=0.0004)
SMALL = MachineSpeed(
    instance_type="m5.large", cpus=2, memory=8 << 30, network=94e6, volumes=81e6, volumes_iops=3600
)
WIDE = MachineSpeed(
    instance_type="m5.24xlarge", cpus=96, memory=384 << 30, network=3.1e9, volumes=2.4e9, volumes_iops=80000
)


def plan(
    machine: MachineSpeed = SMALL, price: float | None = 1.0, rates: Rates = RATES, **work: float
) -> Plan:
    workload = Workload(**{"size": 50 * GB, "files": 5000, **work})  # type: ignore[arg-type]
    return plan_data(workload, machine, Prices(machine=price, rates=rates))


def of(found: Plan, strategy: str):
    return next(each for each in found.forecasts if each.strategy == strategy)


def test_every_strategy_has_its_times_and_its_cost() -> None:
    found = plan(epochs=3, runs=2)
    assert [each.strategy for each in found.forecasts] == list(STRATEGIES)
    for each in found.forecasts:
        assert each.first.first_batch > 0
        assert each.first.first_epoch > 0
        assert each.cost.usd > 0


def test_data_read_once_over_a_wide_network_are_not_copied() -> None:
    found = plan(WIDE, epochs=1)
    assert found.chosen.strategy == "direct"
    assert found.reason.startswith(
        "a run reads the data once: reading from S3 while it trains saves the copy"
    )
    assert of(found, "direct").first.first_batch < of(found, "stage").first.first_batch


def test_many_epochs_of_small_objects_are_worth_a_copy() -> None:
    assert plan(epochs=100, files=3_000_000, size=4 * GB).chosen.strategy in ("stage", "cache")


def test_one_copy_serves_many_runs() -> None:
    found = plan(SMALL, size=60 * GB, files=4_000_000, epochs=2, runs=40, keep_days=10)
    assert found.chosen.strategy == "volume"
    first, later = of(found, "volume").first, of(found, "volume").later
    assert later.first_batch < first.first_batch


def test_training_that_takes_longer_than_loading_decides_the_epoch() -> None:
    quick, slow = plan(epochs=4), plan(epochs=4, training=50_000)
    for each in slow.forecasts:
        assert each.first.later_epoch >= 50_000
    assert of(slow, "direct").first.later_epoch > of(quick, "direct").first.later_epoch


def test_what_a_job_cannot_use_is_not_recommended() -> None:
    work = Workload(size=50 * GB, files=5000)
    prices = Prices(machine=1.0, rates=RATES)
    free = plan_data(work, WIDE, prices)
    hindered = plan_data(work, WIDE, prices, {free.chosen.strategy: "for a reason"})
    assert hindered.chosen.strategy != free.chosen.strategy
    assert of(hindered, free.chosen.strategy).obstacle == "for a reason"


def test_unknown_prices_are_unknown_and_the_fastest_is_chosen() -> None:
    found = plan(WIDE, price=None, rates=Rates())
    assert not any(each.cost.complete for each in found.forecasts)
    assert found.chosen.seconds <= 1.03 * min(each.seconds for each in found.forecasts)
    assert "in time" in found.reason


def test_the_fee_for_an_initialization_rate_is_unknown() -> None:
    found = plan()
    assert not of(found, "snapshot").cost.complete
    assert of(found, "stage").cost.complete


def test_of_nearly_equal_ones_the_simplest_is_chosen() -> None:
    found = plan(SMALL, size=GB // 1000, files=10, epochs=2, training=5000)
    assert found.chosen.strategy == "stage"
    assert "about equal in cost" in found.reason


def test_rates_that_a_provider_does_not_state_are_assumed_and_low() -> None:
    unknown = MachineSpeed(instance_type="x", cpus=2, memory=8 << 30)
    assert of(plan(unknown), "direct").seconds == pytest.approx(of(plan(SMALL), "direct").seconds, rel=0.01)


def test_a_single_small_object_has_a_plan() -> None:
    found = plan(size=0, files=1)
    assert all(each.seconds > 0 for each in found.forecasts)


def test_every_rate_says_where_it_is_from() -> None:
    assert len(ALL) > 10
    for each in ALL:
        assert each.value > 0
        assert each.source.startswith(("https://docs.aws.amazon.com/", "estimated "))


@pytest.mark.parametrize("room", [0.3, 0.5, 0.8, 0.95])
def test_what_is_still_in_memory_is_what_a_memory_of_that_size_holds(room: float) -> None:
    files, dice = 2_000, random.Random(5)
    held = list(range(int(room * files)))
    places = {file: place for place, file in enumerate(held)}
    found = 0
    for epoch in range(12):
        for file in dice.sample(range(files), files):
            if file in places:
                found += int(epoch >= 4)
                continue
            place = dice.randrange(len(held))
            del places[held[place]]
            held[place], places[file] = file, place
    assert found / (8 * files) == pytest.approx(still_there(room), abs=0.02)


def test_all_files_that_have_room_are_still_in_memory_and_none_without_it() -> None:
    assert still_there(1) == still_there(7.5) == 1
    assert still_there(0) == 0
    assert still_there(0.98) == pytest.approx(0.965, abs=0.005)
