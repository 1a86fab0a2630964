"""What cannot be deleted is found before, left out, explained; all else goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import (
    FakeTime,
    Told,
    group_state,
    instance_state,
    resource,
    stack_config,
    stack_state,
    volume_state,
)
from support.sessions import fake_provider, fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.engine.events import FailedDeletion, StepEvent
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    EngineError,
    OperationCancelledError,
    RunctlError,
    StackLockedError,
    ThrottledError,
)
from runctl_auto.jobs.teardown.blocked import reason_of
from runctl_auto.jobs.teardown.deletions import delete_what_can_go
from runctl_auto.jobs.teardown.protected import TeardownProtection
from runctl_auto.leftovers.receipt import Blocked
from runctl_auto.protection.held import Held
from runctl_auto.providers.contract import Machine
from runctl_auto.providers.resource import Blocker
from runctl_auto.stack.state import ResourceState, StackState

GROUP = resource("aws:ec2/securityGroup:SecurityGroup", "digits-network-group", "sg-1")
BUCKET = resource("aws:s3/bucket:Bucket", "digits-artifacts-bucket", "b")
INTERFACE = Blocker(
    "network interface eni-1", "aws ec2 delete-network-interface", "network interface", "eni-1"
)


class World:
    """A job whose cloud refuses some deletions."""

    def __init__(self, folder: Path) -> None:
        self.stack: Any = create_autospec(JobStack, instance=True, failed_deletions=())
        self.stack.job = "digits"
        self.stack.config.return_value = stack_config().to_values()
        driver: Any = create_autospec(Driver, instance=True)
        driver.open.return_value = self.stack
        self.provider = fake_provider()
        self.told = Told()
        self.time = FakeTime()
        self.session = fake_session(
            folder, driver=driver, provider=self.provider, told=self.told, clock=self.time
        )
        self.job = self.session.job("digits")
        self.in_the_way: dict[str, tuple[Blocker, ...]] = {}
        self.after_refusal: dict[str, tuple[Blocker, ...]] = {}
        self.provider.blockers.side_effect = self._blockers

    def _blockers(
        self, found: ResourceState, state: StackState, account: str, *, refused: bool = False
    ) -> tuple[Blocker, ...]:
        return (self.after_refusal if refused else self.in_the_way).get(found.id, ())

    def fails(self, error: RunctlError, *failed: FailedDeletion) -> None:
        self.stack.failed_deletions = failed
        self.stack.destroy.side_effect = error

    def delete(self, *resources: dict[str, Any], has_ended: bool = True, **more: Any) -> tuple[Blocked, ...]:
        protection = TeardownProtection(**more)
        return delete_what_can_go(
            self.job, stack_config(), stack_state(*resources), protection, has_ended=has_ended
        )

    @property
    def kept(self) -> list[str]:
        return list(self.stack.destroy.call_args.kwargs["keep"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def refusal(of: dict[str, Any], code: str | None = "DependencyViolation", **more: Any) -> FailedDeletion:
    return FailedDeletion(of["urn"], of["type"], of["id"], f"{code}: in use", code, **more)


def test_without_an_obstacle_all_goes(world: World) -> None:
    assert world.delete(GROUP, BUCKET) == ()
    assert world.kept == []
    assert world.told.said == []


def test_what_somebody_holds_is_told_before_and_left_out(world: World) -> None:
    world.in_the_way["sg-1"] = (INTERFACE,)
    (found,) = world.delete(GROUP, BUCKET)
    assert world.kept == [GROUP["urn"]]
    assert world.told.said == [
        "digits-network-group (sg-1) cannot be deleted: in the way is network interface eni-1"
    ]
    assert found.held_by == (INTERFACE,)
    assert found.code is None, "it was not tried"
    assert found.next_step == (
        "If nobody needs that any more: `aws ec2 delete-network-interface`; then repeat `runctl down digits`."
    )


def test_what_stays_anyway_is_not_looked_at(world: World) -> None:
    kept = volume_state(protect=True)
    world.in_the_way["vol-data"] = (INTERFACE,)
    assert world.delete(kept, BUCKET) == ()
    held = Held("volume:data", "data", "volume", "vol-data", protected=True, urns=(kept["urn"],))
    assert len(world.delete(kept, BUCKET, included=(held,))) == 1


def test_what_was_refused_is_explained(world: World) -> None:
    world.after_refusal["sg-1"] = (INTERFACE,)
    world.fails(CloudError("refused"), refusal(GROUP))
    (found,) = world.delete(GROUP, BUCKET)
    assert (found.id, found.code, found.held_by) == ("sg-1", "DependencyViolation", (INTERFACE,))
    assert found.why == "in the way is network interface eni-1"


def test_what_nobody_can_explain_has_the_clouds_answer_and_its_next_step(world: World) -> None:
    world.fails(AccessDeniedError("no"), refusal(BUCKET, "AccessDenied", next_step="Give the permission."))
    (found,) = world.delete(GROUP, BUCKET)
    assert found.why == "AccessDenied: in use"
    assert found.next_step == "Give the permission. Then repeat `runctl down digits`."


def test_what_was_found_before_and_what_was_refused_are_told_together(world: World) -> None:
    world.in_the_way["sg-1"] = (INTERFACE,)
    world.fails(CloudError("refused"), refusal(BUCKET, "Whatever"))
    found = world.delete(GROUP, BUCKET)
    assert [each.id for each in found] == ["sg-1", "b"]
    assert found[1].next_step == "End what prevents it, then repeat `runctl down digits`."


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (ThrottledError("slow"), [refusal(GROUP, "Throttling", passes=True)]),
        (EngineError("the engine ended"), []),
        (StackLockedError("held"), [refusal(GROUP)]),
        (OperationCancelledError("cancelled"), [refusal(GROUP)]),
    ],
    ids=["throttled", "engine", "locked", "cancelled"],
)
def test_what_is_no_refusal_is_raised(world: World, error: RunctlError, failed: list[FailedDeletion]) -> None:
    world.fails(error, *failed)
    with pytest.raises(type(error)):
        world.delete(GROUP)


def test_one_real_refusal_beside_throttling_counts(world: World) -> None:
    world.fails(ThrottledError("slow"), refusal(BUCKET, "Throttling", passes=True), refusal(GROUP))
    assert len(world.delete(GROUP, BUCKET)) == 2


class TestAProtectedMachine:
    SETTING = Blocker("its termination protection", "aws ec2 modify-instance-attribute")

    def test_it_may_shut_down_by_itself_when_its_run_has_ended(self, world: World) -> None:
        world.in_the_way["i-1"] = (self.SETTING,)
        world.provider.machine.side_effect = lambda identity: Machine(
            identity, "running" if world.time.now < 5 else "shutting-down"
        )
        assert world.delete(instance_state()) == ()
        assert world.kept == []

    def test_if_it_does_not_it_is_in_the_way(self, world: World) -> None:
        world.in_the_way["i-1"] = (self.SETTING,)
        (found,) = world.delete(instance_state())
        assert world.time.now == 60
        assert found.id == "i-1"

    def test_there_is_no_waiting_for_a_run_that_did_not_answer(self, world: World) -> None:
        world.in_the_way["i-1"] = (self.SETTING,)
        assert len(world.delete(instance_state(), has_ended=False)) == 1
        assert world.time.now == 0


class TestReasons:
    def reason(self, world: World, of: dict[str, Any]) -> str:
        step = StepEvent("started", "delete", of["urn"], of["type"], physical_id=of["id"])
        return reason_of(world.provider, stack_state(GROUP, instance_state()), stack_config(), step)

    def test_what_holds_it(self, world: World) -> None:
        world.in_the_way["sg-1"] = (INTERFACE,)
        assert self.reason(world, GROUP) == "in the way is network interface eni-1"

    def test_the_state_of_a_machine(self, world: World) -> None:
        world.provider.machine.side_effect = lambda identity: Machine(identity, "shutting-down")
        assert self.reason(world, instance_state()) == "the machine is shutting-down"
        world.provider.machine.side_effect = CloudError("no answer")
        assert self.reason(world, instance_state()) == "the cloud does not answer"

    def test_the_state_of_the_machine_of_a_group(self, world: World) -> None:
        world.provider.machine.side_effect = lambda identity: Machine(identity, "shutting-down")
        assert self.reason(world, group_state()) == "the machine is shutting-down"
        world.provider.groups.side_effect = lambda names: {}
        assert self.reason(world, group_state()) == "its machine has ended; the group goes"

    def test_nothing_is_known(self, world: World) -> None:
        assert self.reason(world, GROUP) == "the cloud has not confirmed it yet"
        assert self.reason(world, BUCKET) == "the cloud has not confirmed it yet"
