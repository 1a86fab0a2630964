"""Cost so far over all machines of a job; at least that, where an end or a price is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.job_stacks import job_spec, network_volume_state, placement, resource, stack_config, stack_state

from runctl_auto.cost.amount import Amount
from runctl_auto.cost.charges import (
    REMEMBERED,
    SILENT,
    HeldVolume,
    JobRecords,
    held_volumes,
    machines_to_ask_for,
)
from runctl_auto.cost.spent import Spent, spent
from runctl_auto.providers.contract import GONE, Machine
from runctl_auto.run.machines import RunMachine
from runctl_auto.run.status import RunStatus, unreadable_status
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.prices import Rates

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
RATES = Rates(volume_gb_month=0.073, public_ipv4_hour=0.005)
"""A GB of volume costs 0.0001 USD an hour."""
PRICE = 0.36
"""A second costs 0.0001 USD."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def config(**changes: Any) -> StackConfig:
    place = {"price_hour": PRICE, "instance_type": "m5.large", "market": "spot", "disk_gb": 20, **changes}
    return stack_config(placement=placement(**place), rates=RATES)


def machine(
    identity: str, launched: float, seen: float, ended: float | None = None, **changes: Any
) -> RunMachine:
    values: dict[str, Any] = {
        "type": "m5.large",
        "zone": "us-east-1a",
        "market": "spot",
        "price_hour": PRICE,
        **changes,
    }
    return RunMachine(
        id=identity,
        launched_at=at(launched),
        seen_at=at(seen),
        ended_at=None if ended is None else at(ended),
        **values,
    )


def status(*machines: RunMachine, phase: str = "running", **more: Any) -> RunStatus:
    return RunStatus(run="r1", phase=phase, machines=machines, **more)


def cost(now: float, *statuses: RunStatus, **more: Any) -> Spent:
    """Of a job without disks and addresses unless ``more`` has another configuration."""
    no_disk = stack_config(placement=config().placement, rates=Rates(volume_gb_month=1e-9))
    earlier, present = statuses[:-1], statuses[-1] if statuses else None
    records = {"config": no_disk, "now": at(now), "status": present, "earlier": earlier, **more}
    return spent(JobRecords(**records))


def usd(amount: Amount) -> tuple[float, bool]:
    return round(amount.usd, 6), amount.complete


ALIVE, RUNS = machine("i-1", 0, 90), Machine("i-1", "running")
SHUT = Machine("i-1", "terminated", ended_at=at(95))
HEARD = 90 + SILENT.total_seconds()


@pytest.mark.parametrize(
    ("found", "told", "now", "expected"),
    [
        (status(ALIVE), None, 100, (0.01, True)),
        (status(ALIVE), None, HEARD + 1, (0.009, False)),
        (status(ALIVE), RUNS, 5000, (0.5, True)),
        (status(ALIVE), SHUT, 5000, (0.0095, True)),
        (status(ALIVE), Machine("i-1", "terminated"), 5000, (0.009, False)),
        (status(ALIVE), Machine("i-1", GONE), 5000, (0.009, False)),
        (status(machine("i-1", 0, 9000)), None, 100, (0.01, False)),
        (status(machine("i-1", 0, 80, 80), phase="succeeded"), None, 9999, (0.008, True)),
        (status(machine("i-1", 0, 80, 80), phase="succeeded"), RUNS, 9999, (0.9999, True)),
        (status(machine("i-1", 0, 80, 80), phase="succeeded"), SHUT, 9999, (0.0095, True)),
        (status(machine("i-1", 0, 80, 80), phase="interrupted"), None, 81, (0.008, True)),
        (status(machine("i-1", 0, 80), phase="interrupted"), None, 81, (0.008, False)),
        (status(ALIVE, machine("i-2", 200, 210)), None, 220, (0.011, False)),
        (status(ALIVE, machine("i-2", 200, 210)), SHUT, 220, (0.0115, True)),
        (status(machine("i-1", 0, 90, price_hour=None)), None, 100, (0.01, True)),
        (status(machine("i-1", 0, 90, price_hour=None, market="on-demand")), None, 100, (0.0, False)),
    ],
    ids=[
        "runs: until now",
        "silent, nobody asked the cloud: until it was seen, at least",
        "silent, and the cloud says it runs",
        "silent, and the cloud tells its end",
        "silent, ended, and the cloud tells no time",
        "silent, and the cloud has forgotten it",
        "seen in the future: until now, at least",
        "ended by itself",
        "ended, and its machine still costs",
        "ended, and the cloud tells when the machine did",
        "interrupted, with a last word",
        "interrupted, without one",
        "vanished before the next one",
        "vanished before the next one, and the cloud tells when",
        "its price is that of the place",
        "of another market than the place, and its price is unknown",
    ],
)
def test_the_time_of_a_machine(
    found: RunStatus, told: Machine | None, now: float, expected: tuple[float, bool]
) -> None:
    machines = {} if told is None else {told.id: told}
    assert usd(cost(now, found, machines=machines).of("machine")) == expected


def test_all_runs_and_all_machines_count_each_at_its_price() -> None:
    first = status(machine("i-1", 0, 3600, 3600, price_hour=1.0), phase="failed")
    second = status(
        machine("i-2", 4000, 7600, 7600, price_hour=0.5, market="on-demand"),
        machine("i-3", 8000, 8100, 8100),
        phase="succeeded",
    )
    found = cost(9000, first, second)
    assert usd(found.of("machine")) == (1.51, True)
    assert (len(found.machines), found.seconds) == (3, 7300)
    assert usd(found.hour) == (0.0, True), "nothing runs"


def test_storage_and_addresses_cost_too() -> None:
    held = HeldVolume(id="vol-1", gb=100, since=at(-3600))
    found = cost(
        3600,
        status(machine("i-1", 0, 1800, 1800), machine("i-2", 3000, 3599)),
        config=config(public_address=True),
        volumes=[held],
    )
    hours = (1800 + 600) / 3600
    assert usd(found.of("machine")) == (round(hours * PRICE, 6), True)
    assert usd(found.of("disk")) == (round(hours * 20 * 0.0001, 6), True)
    assert usd(found.of("address")) == (round(hours * 0.005, 6), True)
    assert usd(found.of("volume")) == (0.02, True), "100 GB for two hours"
    assert usd(found.hour) == (round(PRICE + 0.002 + 0.005 + 0.01, 6), True)
    assert found.total.usd == pytest.approx(hours * (PRICE + 0.002 + 0.005) + 0.02)


def test_an_unknown_price_of_storage_makes_the_sum_at_least() -> None:
    found = cost(3600, status(machine("i-1", 0, 3600)), config=stack_config(placement=config().placement))
    assert usd(found.total) == (PRICE, False)
    told = found.as_json()
    assert (told["usd"], told["at_least"], told["disks"], told["price_hour"]) == (PRICE, True, None, PRICE)
    assert cost(1, volumes=[HeldVolume(id="v", gb=1, since=None)]).as_json()["usd"] is None


def test_a_machine_before_its_first_word_counts_from_its_launch() -> None:
    told = Machine("i-9", "running", launched_at=at(0))
    assert usd(cost(100, machine="i-9", machines={"i-9": told}).of("machine")) == (0.01, True)
    ended = Machine("i-9", "terminated", launched_at=at(0), ended_at=at(50))
    assert usd(cost(100, machine="i-9", machines={"i-9": ended}).of("machine")) == (0.005, True)
    gone = Machine("i-9", GONE)
    assert usd(cost(100, machine="i-9", machines={"i-9": gone}).of("machine")) == (0.0, False)


@pytest.mark.parametrize(("others", "expected"), [(("i-1", "i-2"), 0.0172 + 0.02), (("i-2",), 0.02)])
def test_before_the_first_word_the_ranks_that_are_on_demand_cost_so(
    others: tuple[str, ...], expected: float
) -> None:
    """A second of spot costs 0.0001 USD, of on-demand 0.000172; while one is missing, no rank is known."""
    place = replace(config().placement, on_demand_hour=0.6192)
    several = stack_config(
        placement=place, rates=Rates(volume_gb_month=1e-9), job=job_spec(nodes=3, on_demand_ranks=[0])
    )
    named = ("i-0", *others)
    told = {each: Machine(each, "running", launched_at=at(0)) for each in named}
    found = cost(100, config=several, machine="i-0", other_machines=others, machines=told)
    assert usd(found.of("machine")) == (pytest.approx(expected), True)


def test_nothing_was_rented_and_something_was_not_read() -> None:
    assert cost(100).as_json()["usd"] == 0
    told = cost(100, unread=True).as_json()
    assert (told["usd"], told["at_least"]) == (None, True), "never 0"


SPENT = {"boot": 60.0, "run": 3540.0}


@pytest.mark.parametrize(
    ("phase", "heartbeat", "told", "expected"),
    [
        ("succeeded", 9999, None, (0.36, True)),
        ("running", 10, None, (0.361, True)),
        ("running", 5000, RUNS, (0.86, True)),
        ("running", 5000, Machine("i-1", "terminated"), (0.36, False)),
        ("running", 5000, None, (0.36, False)),
    ],
)
def test_a_status_of_an_earlier_version_tells_seconds_only(
    phase: str, heartbeat: float, told: Machine | None, expected: tuple[float, bool]
) -> None:
    found = RunStatus("r1", phase, instance="i-1", seconds=SPENT, updated_at=at(-heartbeat).isoformat())
    machines = {} if told is None else {told.id: told}
    assert usd(cost(0, found, machines=machines).of("machine")) == expected


@pytest.mark.parametrize(
    ("found", "now", "asked"),
    [
        (status(ALIVE), HEARD, []),
        (status(ALIVE), HEARD + 1, ["i-1"]),
        (status(ALIVE), 1e7, ["i-1"]),
        (status(ALIVE, machine("i-2", 200, 210)), 220, ["i-1"]),
        (status(ALIVE, machine("i-2", 0, 3680)), 89 + REMEMBERED.total_seconds(), ["i-1"]),
        (status(ALIVE, machine("i-2", 0, 3680)), 91 + REMEMBERED.total_seconds(), []),
        (status(machine("i-1", 0, 9000)), 100, ["i-1"]),
        (status(machine("i-1", 0, 80, 80), phase="failed"), 81, []),
        (RunStatus("r1", "running", instance="i-1", updated_at=at(0).isoformat()), 121, ["i-1"]),
        (RunStatus("r1", "running", instance="i-1"), 1, ["i-1"]),
        (RunStatus("r1", "failed", instance="i-1"), 1, []),
    ],
)
def test_the_cloud_is_asked_only_for_what_it_may_know_better(
    found: RunStatus, now: float, asked: Sequence[str]
) -> None:
    assert list(machines_to_ask_for(found, at(now))) == asked


def test_of_a_run_whose_status_cannot_be_read_the_machine_in_the_state_counts() -> None:
    unknown = unreadable_status("r1", "it is no JSON")
    alone = cost(100, unknown)
    assert (alone.machines, alone.total.complete) == ((), False)
    runs = {"i-1": Machine("i-1", "running", launched_at=at(0))}
    found = cost(100, unknown, machines=runs, machine="i-1")
    assert (usd(found.of("machine")), found.total.complete) == ((0.01, True), False)
    assert list(machines_to_ask_for(unknown, at(100))) == []


def test_own_volumes_are_those_of_the_state() -> None:
    made = {
        **resource("aws:ebs/volume:Volume", "digits-data-volume", "vol-1"),
        "created": "2026-01-01T00:00:00Z",
        "outputs": {"size": 100},
    }
    assert held_volumes(stack_state(made)) == (HeldVolume(id="vol-1", gb=100, since=START),)
    assert held_volumes(stack_state({**made, "external": True})) == ()


@st.composite
def lives(draw: st.DrawFn) -> tuple[tuple[RunStatus, ...], float, float]:
    """Runs of machines one after the other, each with an end; the time after them; USD by hand."""
    clock, cents, statuses = 0, 0, []
    for run in range(draw(st.integers(1, 4))):
        machines = []
        for number in range(draw(st.integers(1, 4))):
            clock += draw(st.integers(0, 100))
            lasts, price = draw(st.integers(1, 100_000)), draw(st.integers(1, 5000))
            name = f"i-{run}-{number}"
            machines.append(machine(name, clock, clock + lasts, clock + lasts, price_hour=price * 0.0036))
            clock += lasts
            cents += lasts * price
        statuses.append(status(*machines, phase="failed"))
    return tuple(statuses), float(clock), cents * 1e-6


@given(lives())
def test_the_sum_is_that_of_the_launch_history(life: tuple[tuple[RunStatus, ...], float, float]) -> None:
    statuses, now, expected = life
    found = cost(now, *statuses)
    assert found.of("machine").usd == pytest.approx(expected, abs=1e-9, rel=1e-12)
    assert found.of("machine").complete


def test_each_machine_has_the_disk_of_its_own_provider() -> None:
    """A job that moved from AWS to RunPod: a disk of gp3, and then one of a pod."""
    pod = machine("pod1", 3600, 7200, 7200, type="nvidia-a40.1", market="on-demand", price_hour=0.0)
    spot = machine("i-1", 0, 3600, 3600, price_hour=0.0)
    place = placement(provider="runpod", instance_type="nvidia-a40.1", disk_gb=20, public_address=False)
    found = spent(
        JobRecords(
            config=stack_config(placement=place, rates=RATES),
            now=at(7200),
            status=status(spot, pod, phase="succeeded"),
        )
    )
    assert found.total.usd == pytest.approx(20 * (0.073 + 0.10) / 730)
    assert [each.provider for each in found.charges] == ["aws", "aws", "runpod", "runpod"]


def test_network_volumes_are_held_too() -> None:
    (held,) = held_volumes(stack_state({**network_volume_state(), "outputs": {"size": 100}}))
    assert (held.id, held.gb, held.provider) == ("nv-data", 100, "runpod")
