"""Settling a job whose operation was killed or broke off."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, job_spec, resource, stack_config

from runctl_auto.backend.unfinished import Period
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import EngineError, UnreachableError, UsageError
from runctl_auto.jobs import recovery, right_account
from runctl_auto.jobs.recovery import nothing_unrecorded, settle
from runctl_auto.jobs.session import Workplace
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.contract import Account
from runctl_auto.providers.resource import CloudResource, Survey
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import parse_state

VOLUME = "aws:ebs/volume:Volume"
MADE = CloudResource("volume", "vol-1", "")
COMPONENT = {
    "urn": "urn:pulumi:digits::runctl::runctl:aws:DataVolume::digits-data",
    "type": "runctl:aws:DataVolume",
    "custom": False,
}
CHILD = {**resource(VOLUME, "digits-data-volume", "vol-1"), "parent": COMPONENT["urn"]}


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: CloudResource) -> None:
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.job = "digits"
        self.stack.state.return_value = parse_state({})
        self.stack.broken_creations = frozenset()
        self.removed: list[CloudResource] = []
        self.told = Told()
        self.workplace = Workplace(
            Settings(owner="bob"),
            ProjectFolders(Path("/none")),
            create_autospec(Environment, instance=True, backend="file:///state"),
            create_autospec(Driver, instance=True),
            self.told,
        )
        self.stack.unfinished.return_value = ()
        scanner = create_autospec(recovery.Scanner, instance=True)
        scanner.find.return_value = found
        scanner.survey.return_value = Survey(found)
        self.scanner = scanner
        self.looked_for: dict[str, Any] = {}
        monkeypatch.setattr(recovery, "Scanner", self._scanner)
        self.cloud = create_autospec(Cloud, instance=True)
        self.cloud.pages.return_value = iter(())
        monkeypatch.setattr(recovery, "remove_all", self._remove)
        monkeypatch.setattr(Workplace, "cloud", lambda place, region: self.cloud)
        self.account = "111122223333"
        monkeypatch.setattr(right_account, "find_account", lambda cloud: Account(self.account, "aws"))
        self.refuses: Exception | None = None

    def _scanner(self, *about: Any, **more: Any) -> Any:
        self.looked_for.update(more)
        return self.scanner

    def _remove(
        self, cloud: Cloud, found: tuple[CloudResource, ...], kinds: object, *, owner: str
    ) -> tuple[CloudResource, ...]:
        if self.refuses is not None:
            raise self.refuses
        self.removed += found
        return found

    def holds(self, *resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> None:
        self.stack.state.return_value = parse_state(
            {"resources": list(resources), "pending_operations": list(pending)}
        )


def test_what_an_open_creation_made_is_removed_before_it_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, MADE)
    world.holds(pending=({"type": "creating", "resource": CHILD},))
    world.stack.forget_pending.side_effect = lambda: world.removed.append(CloudResource("forgotten", "", ""))
    removed = settle(world.workplace, world.stack, stack_config()).removed
    assert [each.kind for each in world.removed] == ["volume", "forgotten"]
    assert [each.id for each in removed] == ["vol-1"]


def test_in_another_account_nothing_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, MADE)
    world.account = "999900001111"
    world.holds(pending=({"type": "creating", "resource": CHILD},))
    with pytest.raises(UsageError, match="lives in account 111122223333"):
        settle(world.workplace, world.stack, stack_config())
    assert not world.removed
    world.stack.forget_pending.assert_not_called()


def test_a_settled_job_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, MADE)
    world.holds({**COMPONENT, "protect": True}, {**CHILD, "protect": True})
    settle(world.workplace, world.stack, stack_config())
    assert world.removed == []
    world.stack.mark_protected.assert_not_called()
    world.stack.forget_pending.assert_not_called()


def test_a_protection_that_was_being_put_in_force_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    bucket = resource("aws:s3/bucket:Bucket", "digits-bucket", "b")
    world.holds({**COMPONENT, "protect": True}, CHILD, bucket, {**CHILD, "delete": True})
    settle(world.workplace, world.stack, stack_config())
    world.stack.mark_protected.assert_called_once_with([CHILD["urn"]], protect=True)


def test_a_creation_that_broke_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, MADE)
    world.stack.broken_creations = frozenset({VOLUME})
    with (
        pytest.raises(EngineError, match="provider died"),
        nothing_unrecorded(world.workplace, world.stack, stack_config()),
    ):
        raise EngineError("provider died")
    assert world.removed == [MADE]
    assert "volume vol-1" in world.told.said[0]


def test_a_failed_look_does_not_hide_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, MADE)
    world.stack.broken_creations = frozenset({VOLUME})
    world.refuses = UnreachableError("no answer")
    with (
        pytest.raises(EngineError, match="provider died"),
        nothing_unrecorded(world.workplace, world.stack, stack_config()),
    ):
        raise EngineError("provider died")
    assert "still to be looked for" in world.told.said[0]


def test_nothing_is_looked_for_when_no_creation_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, MADE)
    with (
        pytest.raises(EngineError),
        nothing_unrecorded(world.workplace, world.stack, stack_config()),
    ):
        raise EngineError("refused")
    assert (world.removed, world.told.said) == ([], [])


THEN = datetime(2030, 1, 1, tzinfo=timezone.utc)
PERIOD = Period(THEN, THEN + timedelta(minutes=1))


def test_what_a_failed_update_made_and_did_not_record_is_removed_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = replace(MADE, created_at=THEN)
    world = World(monkeypatch, made, replace(made, id="vol-2"))
    world.holds(resource(VOLUME, "digits-data-volume", "vol-2"))
    world.stack.unfinished.return_value = (PERIOD,)
    settled = settle(world.workplace, world.stack, stack_config())
    assert world.removed == [made]
    assert [(each.type, each.id) for each in settled.removed] == [("unrecorded volume", "vol-1")]
    assert settled.unfinished == (PERIOD,)
    assert "volume vol-1" in world.told.said[0]


def test_what_is_not_surely_the_jobs_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, replace(MADE, created_at=THEN))
    world.stack.unfinished.return_value = (PERIOD,)
    world.scanner.is_surely_own.return_value = False
    assert settle(world.workplace, world.stack, stack_config()).removed == ()
    assert world.removed == []


def test_what_settings_protect_and_what_the_job_uses_by_id_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, *(replace(MADE, id=f"vol-{n}", created_at=THEN) for n in ("11111111", "2")))
    world.stack.unfinished.return_value = (PERIOD,)
    settings = world.workplace.settings
    policies = settings.policies.model_copy(update={"protected": ["vol-2"]})
    workplace = replace(world.workplace, settings=settings.model_copy(update={"policies": policies}))
    used = job_spec(volumes=[{"name": "old", "id": "vol-11111111", "mount": "/old"}])
    assert settle(workplace, world.stack, stack_config(job=used)).removed == ()


def test_an_inline_policy_that_was_not_recorded_goes_and_a_persons_own_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    world.holds(resource("aws:iam/role:Role", "digits-iam-role", "runctl-digits-machine-1"))
    world.stack.unfinished.return_value = (PERIOD,)
    world.cloud.pages.return_value = iter(["runctl-digits-machine-1", "mine"])
    settle(world.workplace, world.stack, stack_config())
    assert [each.id for each in world.removed] == ["runctl-digits-machine-1:runctl-digits-machine-1"]


def test_things_of_another_backend_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, MADE)
    world.holds(pending=({"type": "creating", "resource": CHILD},))
    settle(world.workplace, world.stack, stack_config())
    assert world.looked_for["backend"] == "file:///state"
