"""Recovering a job whose operation was killed or broke off."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, job_spec, resource, stack_config
from support.sessions import fake_provider, fake_scanner, fake_session

from runctl_auto.backend.unfinished import Period
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import EngineError, UnreachableError, UsageError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.recovery import nothing_unrecorded, recover
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.scanner import AwsScanner
from runctl_auto.providers.contract import Account
from runctl_auto.providers.resource import CloudResource
from runctl_auto.stack.state import parse_state

VOLUME = "aws:ebs/volume:Volume"
ROLE = "runctl-digits-machine-1"
MADE = CloudResource("volume", "vol-1", "")
COMPONENT = {
    "urn": "urn:pulumi:digits::runctl::runctl:aws:DataVolume::digits-data",
    "type": "runctl:aws:DataVolume",
    "custom": False,
}
CHILD = {**resource(VOLUME, "digits-data-volume", "vol-1"), "parent": COMPONENT["urn"]}


class World:
    """A job with a stack and a scanner, and what was removed."""

    def __init__(self, *found: CloudResource) -> None:
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.job = "digits"
        self.stack.config.return_value = stack_config().to_values()
        self.stack.state.return_value = parse_state({})
        self.stack.broken_creations = frozenset()
        self.stack.unfinished.return_value = ()
        self.removed: list[CloudResource] = []
        self.told = Told()
        self.scanner: Any = fake_scanner(*found)
        self.provider: Any = fake_provider(scanner=self.scanner)
        self.provider.remove.side_effect = lambda resource, account: self.removed.append(resource)
        self.account = "111122223333"
        self.provider.account.side_effect = lambda: Account(self.account, "aws")
        driver = create_autospec(Driver, instance=True)
        driver.open.return_value = self.stack
        self.session = fake_session(driver=driver, provider=self.provider, told=self.told)

    @property
    def job(self) -> Job:
        return self.session.job("digits")

    def holds(self, *resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> None:
        self.stack.state.return_value = parse_state(
            {"resources": list(resources), "pending_operations": list(pending)}
        )


def test_what_an_open_creation_made_is_removed_before_it_is_forgotten() -> None:
    world = World(MADE)
    world.holds(pending=({"type": "creating", "resource": CHILD},))
    world.stack.forget_pending.side_effect = lambda: world.removed.append(CloudResource("forgotten", "", ""))
    removed = recover(world.job, stack_config()).removed
    assert [each.kind for each in world.removed] == ["volume", "forgotten"]
    assert [each.id for each in removed] == ["vol-1"]


def test_a_protection_is_completed_after_pending_operations_are_recovered() -> None:
    """Marking it imports the state, and an import drops pending operations."""
    world = World(MADE)
    world.holds({**COMPONENT, "protect": True}, CHILD, pending=({"type": "creating", "resource": CHILD},))
    order: list[str] = []
    world.stack.forget_pending.side_effect = lambda: order.append("pending")
    world.stack.mark_protected.side_effect = lambda urns, protect: order.append("protection")
    recover(world.job, stack_config())
    assert order == ["pending", "protection"]


def test_in_another_account_nothing_is_removed() -> None:
    world = World(MADE)
    world.account = "999900001111"
    world.holds(pending=({"type": "creating", "resource": CHILD},))
    with pytest.raises(UsageError, match="lives in account 111122223333"):
        recover(world.job, stack_config())
    assert not world.removed
    world.stack.forget_pending.assert_not_called()


def test_a_job_that_needs_no_recovery_costs_nothing() -> None:
    world = World(MADE)
    world.holds({**COMPONENT, "protect": True}, {**CHILD, "protect": True})
    recover(world.job, stack_config())
    assert world.removed == []
    world.stack.mark_protected.assert_not_called()
    world.stack.forget_pending.assert_not_called()


def test_a_protection_that_was_being_put_in_force_holds() -> None:
    world = World()
    bucket = resource("aws:s3/bucket:Bucket", "digits-bucket", "b")
    world.holds({**COMPONENT, "protect": True}, CHILD, bucket, {**CHILD, "delete": True})
    recover(world.job, stack_config())
    world.stack.mark_protected.assert_called_once_with([CHILD["urn"]], protect=True)


def test_a_creation_that_broke_leaves_nothing() -> None:
    world = World(MADE)
    world.stack.broken_creations = frozenset({VOLUME})
    with (
        pytest.raises(EngineError, match="provider died"),
        nothing_unrecorded(world.job),
    ):
        raise EngineError("provider died")
    assert world.removed == [MADE]
    assert "volume vol-1" in world.told.said[0]


def test_a_failed_look_does_not_hide_the_failure() -> None:
    world = World(MADE)
    world.stack.broken_creations = frozenset({VOLUME})
    world.scanner.find.side_effect = UnreachableError("no answer")
    with (
        pytest.raises(EngineError, match="provider died"),
        nothing_unrecorded(world.job),
    ):
        raise EngineError("provider died")
    assert "could not be looked for" in world.told.said[0]


def test_nothing_is_looked_for_when_no_creation_broke() -> None:
    world = World(MADE)
    with (
        pytest.raises(EngineError),
        nothing_unrecorded(world.job),
    ):
        raise EngineError("refused")
    assert (world.removed, world.told.said) == ([], [])


THEN = datetime(2030, 1, 1, tzinfo=timezone.utc)
PERIOD = Period(THEN, THEN + timedelta(minutes=1))


def test_what_a_failed_update_made_and_did_not_record_is_removed_and_told() -> None:
    made = replace(MADE, created_at=THEN)
    world = World(made, replace(made, id="vol-2"))
    world.holds(resource(VOLUME, "digits-data-volume", "vol-2"))
    world.stack.unfinished.return_value = (PERIOD,)
    recovered = recover(world.job, stack_config())
    assert world.removed == [made]
    assert [(each.type, each.id) for each in recovered.removed] == [("unrecorded volume", "vol-1")]
    assert recovered.unfinished == (PERIOD,)
    assert "volume vol-1" in world.told.said[0]


def test_what_is_not_surely_the_jobs_own_stays() -> None:
    world = World(replace(MADE, created_at=THEN))
    world.stack.unfinished.return_value = (PERIOD,)
    world.scanner.is_surely_own.return_value = False
    assert recover(world.job, stack_config()).removed == ()
    assert world.removed == []


def test_what_settings_protect_and_what_the_job_uses_by_id_stays() -> None:
    world = World(*(replace(MADE, id=f"vol-{n}", created_at=THEN) for n in ("11111111", "2")))
    world.stack.unfinished.return_value = (PERIOD,)
    settings = world.session.settings
    policies = settings.policies.model_copy(update={"protected": ["vol-2"]})
    session = replace(world.session, settings=settings.model_copy(update={"policies": policies}))
    used = job_spec(volumes=[{"name": "old", "id": "vol-11111111", "mount": "/old"}])
    assert recover(session.job("digits"), stack_config(job=used)).removed == ()


def test_an_inline_policy_that_was_not_recorded_goes_and_a_persons_own_stays() -> None:
    world = World()
    world.holds(resource("aws:iam/role:Role", "digits-iam-role", ROLE))
    world.stack.unfinished.return_value = (PERIOD,)
    cloud = create_autospec(Cloud, instance=True, region="us-east-1")
    cloud.pages.return_value = iter([ROLE, "mine"])
    scanner = AwsScanner(cloud, "digits", "111122223333", "ann", backend="file:///state")
    world.scanner.unrecorded_unlisted.side_effect = scanner.unrecorded_unlisted
    recover(world.job, stack_config())
    assert [each.id for each in world.removed] == [f"{ROLE}:{ROLE}"]


def test_things_of_another_backend_are_not_looked_for() -> None:
    world = World(MADE)
    world.holds(pending=({"type": "creating", "resource": CHILD},))
    recover(world.job, stack_config())
    assert world.provider.scanner.call_args.kwargs["backend"] == "file:///state"
