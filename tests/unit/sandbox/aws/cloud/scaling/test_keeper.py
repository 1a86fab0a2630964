"""Groups reach their desired capacity, whatever happens to their machines, at a bounded rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sandbox.aws.cloud import lifecycle as states
from sandbox.aws.cloud.scaling.groups import Activity, Group, GroupError, Groups, Member, ScheduledAction
from sandbox.aws.cloud.scaling.keeper import (
    Keeper,
    Launch,
    Launched,
    LaunchRefused,
    MachineState,
    first_that_launches,
)
from sandbox.aws.cloud.scaling.pools import Pool

HERE = ("123456789012", "us-east-1")
PRICES = {"small": 1.0, "large": 3.0}
NO_CAPACITY = "InsufficientInstanceCapacity"


class World:
    """A cloud in memory with one group. Machines run at once and terminate when `end` says so."""

    def __init__(self, *, desired: int = 1, percentage: int = 0, **policy: Any) -> None:
        self.now = 1000.0
        self.machines: dict[str, MachineState] = {}
        self.spot: set[str] = set()
        self.refuses: dict[str, str] = {}
        self.launches: list[tuple[float, Pool, Launch]] = []
        self.asked_to_end: list[str] = []
        distribution = {"OnDemandPercentageAboveBaseCapacity": percentage, **policy}
        distribution.setdefault("SpotAllocationStrategy", "price-capacity-optimized")
        self.group = Group(
            "g",
            "arn",
            *HERE,
            created=self.now,
            minimum=0,
            maximum=max(desired, 1),
            desired=desired,
            settings={"MixedInstancesPolicy": {"InstancesDistribution": distribution}},
        )
        self.table = {"g": self.group}
        self.keeper = Keeper(
            Groups(lambda account, region: self.table, lambda: [self.table]), self, lambda: self.now
        )

    # What the keeper asks the cloud for.

    def machine(self, group: Group, instance: str) -> MachineState:
        del group
        return self.machines.get(instance, MachineState(states.TERMINATED, 0.0))

    def terminate(self, group: Group, instances: Sequence[str]) -> None:
        del group
        for each in instances:
            self.asked_to_end.append(each)
            self.enter(each, states.SHUTTING_DOWN)

    def pools(self, group: Group) -> list[Pool]:
        del group
        return [
            Pool(kind, f"subnet-{zone}", zone, rank)
            for rank, kind in enumerate(("large", "small"))
            for zone in ("a", "b")
        ]

    def price(self, pool: Pool, *, spot: bool) -> float:
        return PRICES[pool.instance_type] * (0.3 if spot else 1.0) + (0.01 if pool.zone == "b" else 0.0)

    def is_spot(self, group: Group, instance: str) -> bool:
        del group
        return instance in self.spot

    # What the tests do.

    def enter(self, instance: str, state: str) -> None:
        self.machines[instance] = MachineState(state, self.now)

    def run(self, launch: Launch, place: Pool) -> Member:
        for key in (f"{place.instance_type}/{place.zone}", place.instance_type, "*"):
            if key in self.refuses:
                raise LaunchRefused(self.refuses[key], "told why.")
        self.launches.append((self.now, place, launch))
        identity = f"i-{len(self.launches)}"
        self.enter(identity, states.RUNNING)
        if launch.market == "spot":
            self.spot.add(identity)
        return Member(identity, place.instance_type, place.zone, "ami-1", {}, Activity("", "", self.now, {}))

    def step(self, seconds: float = 0.0) -> None:
        self.now += seconds
        for launch in self.keeper.review():
            self.keeper.launched(launch, first_that_launches(launch, self.run))
        self.keeper.review()

    def running(self) -> list[str]:
        return [name for name, each in self.machines.items() if each.state == states.RUNNING]

    def statuses(self) -> list[str]:
        return [each.status for each in self.group.activities]


def test_a_machine_is_launched_and_replaced_when_it_has_ended() -> None:
    world = World()
    world.step()
    assert world.running() == ["i-1"]
    assert [each.state for each in world.group.active] == ["InService"]
    world.enter("i-1", states.TERMINATED)
    world.step()
    world.step(1)
    assert world.running() == ["i-2"]
    assert world.statuses() == ["Successful"] * 3
    assert "EC2 health check" in world.group.activities[1].cause


def test_a_replacement_waits_for_a_machine_that_shuts_down_but_not_for_ever() -> None:
    world = World()
    world.step()
    world.enter("i-1", states.SHUTTING_DOWN)
    world.step(1)
    assert world.running() == []
    due = world.keeper.next_deadline()
    assert due == world.now + 10
    world.step(9.9)
    assert world.running() == []
    world.step(0.2)
    assert world.running() == ["i-2"]
    assert "i-1" in world.group.members, "it still has to end"


def test_a_stopped_machine_is_terminated_and_replaced() -> None:
    world = World()
    world.step()
    world.enter("i-1", states.STOPPED)
    world.step()
    assert world.asked_to_end == ["i-1"]
    world.enter("i-1", states.TERMINATED)
    world.step(1)
    assert world.running() == ["i-2"]


def test_with_a_capacity_of_0_the_machine_ends_and_nothing_follows() -> None:
    world = World()
    world.step()
    world.group.resize("a user request explicitly set group desired capacity", desired=0)
    world.step()
    assert world.asked_to_end == ["i-1"]
    world.enter("i-1", states.TERMINATED)
    world.step(100)
    assert (world.running(), world.group.members) == ([], {})
    assert world.keeper.next_deadline() is None
    assert "from 1 to 0. At" in world.group.activities[-1].cause


def test_the_cheapest_place_is_tried_first_and_refusals_lead_on() -> None:
    world = World()
    world.refuses = {"small/a": NO_CAPACITY, "large": NO_CAPACITY}
    world.step()
    (_, place, launch) = world.launches[0]
    assert (place.instance_type, place.zone, launch.market) == ("small", "b", "spot")
    failed = [each for each in world.group.activities if each.status == "Failed"]
    assert [(each.details["Availability Zone"], each.message) for each in failed] == [
        (
            "a",
            "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity "
            "available that matches your request. Launching EC2 instance failed.",
        )
    ]


def test_a_place_that_refused_lately_comes_last() -> None:
    world = World()
    world.refuses = {"small/a": NO_CAPACITY}
    world.step()
    world.refuses = {}
    world.enter("i-1", states.TERMINATED)
    world.step()
    world.step(1)
    assert [place.zone for _, place, _ in world.launches] == ["b", "b"]
    world.enter("i-2", states.TERMINATED)
    world.step(61)
    world.step(1)
    assert world.launches[-1][1].zone == "a"


def test_a_refusal_that_is_not_about_capacity_ends_the_attempt() -> None:
    world = World()
    world.refuses = {"*": "UnauthorizedOperation"}
    world.step()
    assert len(world.group.activities) == 1
    assert "UnauthorizedOperation - told why." in world.group.activities[0].message


def test_failed_launches_are_repeated_with_growing_pauses() -> None:
    world = World()
    world.refuses = {"*": NO_CAPACITY}
    times = []
    while len(times) < 8:
        before = len(world.group.activities)
        world.step()
        if len(world.group.activities) > before:
            times.append(world.now)
        due = world.keeper.next_deadline()
        assert due is not None
        assert due > world.now
        world.now = due
    pauses = [round(later - sooner) for sooner, later in pairwise(times)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    world.refuses = {}
    world.step(30)
    assert world.running() == ["i-1"]
    assert world.group.failures == 0


@pytest.mark.parametrize(
    ("percentage", "base", "expected"),
    [(0, 0, ["spot", "spot"]), (100, 0, ["on-demand"] * 2), (0, 1, ["on-demand", "spot"])],
)
def test_the_markets_follow_the_distribution(percentage: int, base: int, expected: list[str]) -> None:
    world = World(desired=2, percentage=percentage, OnDemandBaseCapacity=base, SpotMaxPrice="0.5")
    for _ in range(4):
        world.step(1)
    assert [launch.market for _, _, launch in world.launches] == expected
    assert {launch.max_price for _, _, launch in world.launches if launch.market == "spot"} <= {"0.5"}
    on_demand = [place.instance_type for _, place, launch in world.launches if launch.market == "on-demand"]
    assert set(on_demand) <= {"large"}, "prioritized: the order of the overrides"


@pytest.mark.parametrize(
    ("process", "launches"), [("Launch", 0), ("HealthCheck", 1), ("AZRebalance", 2), ("Terminate", 2)]
)
def test_suspended_processes(process: str, launches: int) -> None:
    world = World()
    if process != "Launch":
        world.step()
    world.group.suspended[process] = "User suspended"
    world.step()
    if world.running():
        world.enter("i-1", states.TERMINATED)
    world.step(5)
    world.step(5)
    assert len(world.launches) == launches
    world.group.desired = 0
    world.step()
    assert bool(world.running()) == (process == "Terminate")


def test_a_scheduled_action_is_carried_out_at_its_time_and_once() -> None:
    world = World()
    world.step()
    world.group.actions["end"] = ScheduledAction("end", "arn", world.now + 60, minimum=0, desired=0)
    assert world.keeper.next_deadline() == world.now + 60
    world.step(59.9)
    assert world.group.desired == 1
    world.step(0.1)
    assert (world.group.desired, world.asked_to_end, world.group.actions) == (0, ["i-1"], {})
    assert "scheduled action end" in world.group.activities[-1].cause
    world.group.resize("again", desired=1)
    world.enter("i-1", states.TERMINATED)
    world.step(1)
    world.step(1)
    assert world.running() == ["i-2"], "it happens once"


def test_suspended_actions_are_late_and_impossible_ones_are_told() -> None:
    world = World()
    world.group.actions["end"] = ScheduledAction("end", "arn", world.now, desired=7)
    world.group.suspended["ScheduledActions"] = "User suspended"
    world.step()
    assert "end" in world.group.actions
    del world.group.suspended["ScheduledActions"]
    world.step()
    assert world.group.actions == {}
    assert world.group.desired == 1
    assert "Failed" in world.statuses()


def test_a_deleted_group_is_gone_with_its_last_machine_even_with_everything_suspended() -> None:
    world = World()
    world.step()
    world.group.members["i-1"].is_protected = True
    world.group.suspended = dict.fromkeys(("Terminate", "HealthCheck"), "User suspended")
    world.group.is_deleted = True
    world.step()
    assert world.asked_to_end == ["i-1"]
    assert world.table == {"g": world.group}
    world.enter("i-1", states.TERMINATED)
    world.step()
    assert world.table == {}


def test_a_group_that_is_deleted_during_a_launch_ends_that_machine() -> None:
    world = World()
    (launch,) = world.keeper.review()
    world.group.is_deleted = True
    world.keeper.review()
    assert world.table == {"g": world.group}, "it waits for the launch"
    world.keeper.launched(launch, first_that_launches(launch, world.run))
    world.keeper.review()
    assert world.asked_to_end == ["i-1"]


def test_protected_machines_are_not_chosen() -> None:
    world = World(desired=2)
    world.step()
    world.step(1)
    world.group.members["i-2"].is_protected = True
    world.group.resize("less", desired=1)
    world.step()
    assert world.asked_to_end == ["i-1"]


def test_sizes_that_contradict_each_other_change_nothing() -> None:
    group = World().group
    for sizes in ({"desired": 2}, {"minimum": 2}, {"maximum": 0, "desired": 1}, {"desired": -1}):
        with pytest.raises(GroupError):
            group.resize("x", **sizes)
        assert (group.minimum, group.maximum, group.desired) == (0, 1, 1)
    group.resize("x", maximum=0)
    assert group.desired == 0, "a desired capacity that is not given follows the bounds"


class AnyLife(RuleBasedStateMachine):
    """Machines end and launches fail at any time, sizes change at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(desired=1)

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 12.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.step(seconds)

    @precondition(lambda self: self.world.running())
    @rule(data=st.data(), state=st.sampled_from([states.SHUTTING_DOWN, states.TERMINATED, states.STOPPED]))
    def a_machine_ends(self, data: st.DataObject, state: str) -> None:
        self.world.enter(data.draw(st.sampled_from(self.world.running())), state)

    @rule()
    def ends_are_completed(self) -> None:
        for name, each in list(self.world.machines.items()):
            if each.state != states.RUNNING:
                self.world.enter(name, states.TERMINATED)

    @rule(refuses=st.sampled_from([{}, {"*": NO_CAPACITY}, {"small": NO_CAPACITY}]))
    def capacity_changes(self, refuses: dict[str, str]) -> None:
        self.world.refuses = refuses

    @rule(desired=st.integers(0, 1))
    def the_size_changes(self, desired: int) -> None:
        self.world.group.resize("a user request", desired=desired)

    @invariant()
    def there_is_never_more_than_one(self) -> None:
        assert len(self.world.running()) <= 1
        assert len(self.world.group.active) <= 1

    def teardown(self) -> None:
        """Left alone, the group reaches its capacity."""
        self.world.refuses = {}
        for _ in range(4):
            self.ends_are_completed()
            self.world.step(31)
        assert len(self.world.running()) == self.world.group.desired


AnyLife.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAnyLife = AnyLife.TestCase


def test_a_launch_without_places_is_a_failure() -> None:
    world = World()
    (launch,) = world.keeper.review()
    world.keeper.launched(launch, Launched(None, None))
    assert world.group.not_before > world.now
