"""Teardown as a whole, over fakes of the stack and the cloud: order, refusals, and the receipt."""

from __future__ import annotations

import json
import pickle
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from support.held_resources import held_state
from support.job_stacks import (
    Told,
    instance_state,
    job_spec,
    resource,
    stack_config,
    stack_state,
    volume_state,
)
from support.sessions import fake_provider, fake_results, fake_scanner, fake_session

from runctl_auto.backend.unfinished import Period
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import (
    ConfirmationNeededError,
    LeakedError,
    PlanChangedError,
    UnfetchedArtifactsError,
    UsageError,
)
from runctl_auto.leftovers.receipt import Deleted
from runctl_auto.operations.down import DownOptions, down, foresee, refuse_leaks
from runctl_auto.providers.contract import MOST_RUNS, Account, Machine
from runctl_auto.providers.resource import Blocker, CloudResource, Relations, Survey, Unchecked
from runctl_auto.run.status import RunStatus, parse_run_status
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import StackState

BUCKET = resource("aws:s3/bucket:Bucket", "digits-artifacts-bucket", "runctl-digits-artifacts-1")
YES = DownOptions(yes=True)


class World:
    """A job with a stack, results and a scanner, and the order in which they were used."""

    def __init__(self, folder: Path) -> None:
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.job = "digits"
        self.stack.config.return_value = stack_config().to_values()
        self.stack.preview_destroy.return_value = Plan((), 0)
        self.stack.unfinished.return_value = ()
        self.bucket: Any = fake_results(status=RunStatus(run="r1", phase="succeeded"), runs=("r1",))
        self.scanner: Any = fake_scanner()
        self.scanner.relations.return_value = Relations({"i-1": "digits"}, {}, {})
        self.order = Mock(spec=["stack", "bucket"])
        self.order.attach_mock(self.stack, "stack")
        self.order.attach_mock(self.bucket, "bucket")
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.open.return_value = self.stack
        self.told = Told(agrees=False)
        self.account = "111122223333"
        self.machine = "terminated"
        self.provider: Any = fake_provider(results=self.bucket, scanner=self.scanner)
        self.provider.account.side_effect = lambda: Account(id=self.account, partition="aws")
        self.provider.machine.side_effect = lambda identity: Machine(identity, self.machine)
        self.session = fake_session(folder, driver=self.driver, provider=self.provider, told=self.told)

    def states(self, before: StackState, after: StackState) -> None:
        self.stack.state.side_effect = [before, after]

    def steps(self) -> list[str]:
        named = (
            "stack.destroy",
            "stack.remove",
            "stack.await_quiet",
            "bucket.request_stop",
            "bucket.artifacts",
        )
        return [call[0] for call in self.order.mock_calls if call[0] in named]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


LOST = {"unsaved": [{"what": "artifacts", "path": None, "why": "disk full"}], "artifacts": None}
ONE_LOST = {"unsaved": [{"what": "artifacts", "path": "a", "why": "is a pipe"}], "artifacts": {"files": 1}}


@pytest.mark.parametrize(
    ("phase", "raw", "options", "refused"),
    [
        ("failed", LOST, YES, True),
        ("failed", LOST, DownOptions(yes=True, discard_artifacts=True), False),
        ("interrupted", LOST, YES, False),  # a replacement stores them
        ("succeeded", ONE_LOST, YES, False),
        ("failed", {}, YES, False),
    ],
)
def test_artifacts_that_never_reached_the_bucket_count_as_unfetched(
    world: World, phase: str, raw: dict[str, Any], options: DownOptions, refused: bool
) -> None:
    world.states(stack_state(BUCKET), stack_state())
    world.bucket.status.return_value = RunStatus(run="r1", phase=phase, raw=raw)
    if not refused:
        assert down(world.session, "digits", options).receipt.is_complete
        return
    with pytest.raises(UnfetchedArtifactsError, match="could not store its artifacts: disk full"):
        down(world.session, "digits", options)
    world.stack.destroy.assert_not_called()


def test_artifacts_come_home_before_anything_is_deleted(world: World) -> None:
    world.states(stack_state(BUCKET, instance_state()), stack_state())
    receipt = down(world.session, "digits", YES).receipt
    assert world.steps() == ["stack.await_quiet", "bucket.artifacts", "stack.destroy", "stack.remove"]
    assert [each.id for each in receipt.deleted] == ["runctl-digits-artifacts-1", "i-1"]
    assert receipt.stack_removed
    refuse_leaks(receipt)


def test_a_declined_plan_deletes_nothing(world: World) -> None:
    world.states(stack_state(BUCKET), stack_state())
    with pytest.raises(ConfirmationNeededError):
        down(world.session, "digits", DownOptions())
    assert world.steps() == ["stack.await_quiet"]


def test_artifacts_that_do_not_arrive_stop_the_teardown_unless_given_up(world: World) -> None:
    world.states(stack_state(BUCKET), stack_state())
    world.bucket.artifacts.side_effect = UnfetchedArtifactsError("broken")
    with pytest.raises(UnfetchedArtifactsError):
        down(world.session, "digits", YES)
    world.stack.destroy.assert_not_called()
    world.states(stack_state(BUCKET), stack_state())
    down(world.session, "digits", DownOptions(yes=True, discard_artifacts=True))
    world.stack.destroy.assert_called_once()


def test_what_is_protected_is_kept_with_its_reason_and_the_stack_with_it(world: World) -> None:
    kept = volume_state(protect=True)
    world.states(stack_state(BUCKET, kept), stack_state(kept))
    world.scanner.survey.return_value = Survey((CloudResource("volume", "vol-data", "aws ..."),))
    receipt = down(world.session, "digits", YES).receipt
    assert [(each.id, each.why) for each in receipt.kept] == [("vol-data", "protected")]
    assert not receipt.leaked
    assert not receipt.stack_removed
    world.stack.remove.assert_not_called()
    assert world.told.plans[0].notes == ("kept, since it is protected: digits-data-volume",)


def test_what_the_scan_finds_is_a_leak_and_keeps_the_stack(world: World) -> None:
    world.states(stack_state(BUCKET), stack_state())
    left = CloudResource("volume", "vol-9", "aws ec2 delete-volume --volume-id vol-9")
    world.scanner.survey.return_value = Survey((left,))
    receipt = down(world.session, "digits", YES).receipt
    world.stack.remove.assert_not_called()
    with pytest.raises(LeakedError) as raised:
        refuse_leaks(receipt)
    assert raised.value.exit_code == 5
    assert "vol-9" in raised.value.what
    assert "delete-volume" in (raised.value.next_step or "")
    assert raised.value.as_json()["receipt"]["nothing_left"] is False  # type: ignore[index]


def test_an_open_operation_keeps_the_stack(world: World) -> None:
    open_state = StackState((), (Mock(spec=["operation", "resource"], operation="deleting"),))
    world.stack.state.side_effect = [stack_state(BUCKET), open_state]
    assert not down(world.session, "digits", YES).receipt.stack_removed


def test_a_stack_that_was_never_configured_is_just_removed(world: World) -> None:
    world.stack.config.return_value = {}
    world.states(stack_state(), stack_state())
    receipt = down(world.session, "digits", YES).receipt
    assert receipt.stack_removed
    world.stack.destroy.assert_not_called()


def test_what_could_not_be_looked_for_keeps_the_stack_and_is_told(world: World) -> None:
    world.states(stack_state(BUCKET), stack_state())
    world.scanner.survey.return_value = Survey(unchecked=(Unchecked("role", "AccessDenied"),))
    receipt = down(world.session, "digits", YES).receipt
    world.stack.remove.assert_not_called()
    with pytest.raises(LeakedError, match="role could not be looked for") as raised:
        refuse_leaks(receipt)
    assert raised.value.exit_code == 5


def test_the_receipt_outlives_the_stack(world: World, tmp_path: Path) -> None:
    world.states(stack_state(BUCKET), stack_state())
    result = down(world.session, "digits", YES)
    assert result.receipt.stack_removed
    assert result.receipt_file is not None
    assert result.receipt_file.parent == tmp_path / ".runctl" / "receipts" / "digits"
    stored = json.loads(result.receipt_file.read_text())
    assert [each["id"] for each in stored["deleted"]] == ["runctl-digits-artifacts-1"]


def test_in_another_account_nothing_is_touched(world: World) -> None:
    world.states(stack_state(BUCKET, instance_state()), stack_state())
    world.account = "999900001111"
    with pytest.raises(UsageError, match="lives in account 111122223333") as raised:
        down(world.session, "digits", YES)
    assert raised.value.exit_code == 7
    assert world.steps() == []


@pytest.mark.parametrize("phase", ["running", None])
def test_a_training_that_runs_is_named_in_the_plan_and_the_question(world: World, phase: str | None) -> None:
    world.states(stack_state(BUCKET, instance_state()), stack_state())
    world.bucket.status.return_value = RunStatus(run="r1", phase=phase) if phase else None
    world.machine = "running"
    with pytest.raises(ConfirmationNeededError):
        down(world.session, "digits", DownOptions(grace_seconds=45))
    assert world.told.questions == ["Stop the training, delete this and end job 'digits'?"]
    assert "45 s to save its checkpoint" in world.told.plans[0].notes[0]
    world.stack.destroy.assert_not_called()


def test_artifacts_without_their_list_stop_the_teardown_unless_given_up(world: World) -> None:
    world.states(stack_state(BUCKET), stack_state())
    world.bucket.has_unlisted_artifacts.return_value = True
    with pytest.raises(UnfetchedArtifactsError, match="was writing its artifacts") as raised:
        down(world.session, "digits", YES)
    assert raised.value.exit_code == 4
    world.stack.destroy.assert_not_called()
    world.states(stack_state(BUCKET), stack_state())
    assert down(world.session, "digits", DownOptions(yes=True, discard_artifacts=True)).receipt


def test_a_volume_that_the_job_used_by_its_id_is_no_leak(world: World) -> None:
    volumes = [{"name": "old", "id": "vol-12345678", "mount": "/old"}]
    world.stack.config.return_value = stack_config(job=job_spec(volumes=volumes)).to_values()
    world.states(stack_state(BUCKET), stack_state())
    world.scanner.survey.return_value = Survey(
        (CloudResource("volume", "vol-12345678", "aws ec2 delete-volume"),)
    )
    receipt = down(world.session, "digits", YES).receipt
    assert receipt.leaked == ()
    assert receipt.stack_removed


def test_what_an_unfinished_update_made_and_lists_told_late_is_removed_after_the_teardown(
    world: World,
) -> None:
    world.states(stack_state(BUCKET), stack_state())
    then = datetime(2030, 1, 1, tzinfo=timezone.utc)
    world.stack.unfinished.return_value = (Period(then, then),)
    left = [CloudResource("volume", "vol-9", "aws ec2 delete-volume --volume-id vol-9", created_at=then)]
    world.scanner.survey.side_effect = lambda *about: Survey(
        tuple(left) if world.stack.destroy.called else ()
    )
    world.provider.remove.side_effect = lambda resource, account: left.remove(resource)
    receipt = down(world.session, "digits", YES).receipt
    assert receipt.leaked == ()
    assert receipt.stack_removed
    assert ("unrecorded volume", "vol-9") in [(each.type, each.id) for each in receipt.deleted]


def test_the_question_is_asked_while_the_job_is_claimed(world: World, tmp_path: Path) -> None:
    world.states(stack_state(BUCKET), stack_state())
    claim = tmp_path / ".runctl" / "claims" / "digits.json"
    claimed_at: list[bool] = []
    world.told.confirm = lambda question: bool(claimed_at.append(bool(claim.read_text())))  # type: ignore[method-assign]
    with pytest.raises(ConfirmationNeededError):
        down(world.session, "digits", DownOptions())
    assert claimed_at == [True]
    assert claim.read_text() == ""


GROUP = resource("aws:ec2/securityGroup:SecurityGroup", "digits-network-group", "sg-1")
HOLDER = Blocker(
    "network interface eni-1", "aws ec2 delete-network-interface ...", "network interface", "eni-1"
)


def test_a_refused_deletion_ends_in_a_receipt_that_names_who_holds_it(world: World) -> None:
    world.states(stack_state(BUCKET, GROUP), stack_state(GROUP))
    world.provider.blockers.side_effect = lambda found, *about, **more: (
        (HOLDER,) if found.id == "sg-1" else ()
    )
    world.scanner.survey.return_value = Survey(
        (CloudResource("network interface", "eni-1", "aws ...", how="relation"),)
    )
    result = down(world.session, "digits", YES)
    receipt = result.receipt
    assert [each.id for each in receipt.deleted] == ["runctl-digits-artifacts-1"], "what can go, goes"
    assert receipt.leaked == (), "it is somebody else's"
    assert receipt.kept == ()
    assert not receipt.stack_removed
    world.stack.remove.assert_not_called()
    with pytest.raises(LeakedError) as raised:
        refuse_leaks(receipt)
    error = raised.value
    assert error.exit_code == 5
    assert (
        "digits-network-group (sg-1) cannot be deleted: in the way is network interface eni-1" in error.what
    )
    assert "delete-network-interface" in (error.next_step or "")
    stored = json.loads(result.receipt_file.read_text())  # type: ignore[union-attr]
    assert stored["nothing_left"] is False
    assert stored["blocked"][0]["held_by"] == [
        {"what": HOLDER.what, "kind": HOLDER.kind, "id": HOLDER.id, "release": HOLDER.release}
    ]
    assert stored == receipt.as_json()


def test_a_refusal_that_was_over_at_the_end_is_none(world: World) -> None:
    """Its resource is gone all the same: the state says so."""
    world.states(stack_state(BUCKET, GROUP), stack_state())
    world.provider.blockers.side_effect = lambda found, *about, **more: (
        (HOLDER,) if found.id == "sg-1" else ()
    )
    receipt = down(world.session, "digits", YES).receipt
    assert receipt.blocked == ()
    assert receipt.stack_removed
    refuse_leaks(receipt)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[" * 100_000, b'{"schema": 1, "phase": "succeeded", "exit_code": "x"}']
)
def test_a_status_that_cannot_be_read_is_no_reason_to_keep_the_job(world: World, content: bytes) -> None:
    """It counts as unknown: the run is asked to stop and waited for, then all is deleted."""
    world.states(stack_state(BUCKET, instance_state()), stack_state())
    world.bucket.status.return_value = parse_run_status(content, "r1")
    world.machine = "running"
    result = down(world.session, "digits", YES)
    assert result.stopped is not None
    assert result.stopped.how == "late"
    assert world.steps() == [
        "stack.await_quiet",
        "bucket.request_stop",
        "bucket.artifacts",
        "stack.destroy",
        "stack.remove",
    ]


def test_one_bad_list_of_artifacts_does_not_cost_those_of_other_runs(world: World) -> None:
    world.states(stack_state(BUCKET), stack_state())
    world.bucket.runs.return_value = ("r0", "r1", "r2")
    asked: list[str] = []

    def artifacts(run: str) -> None:
        asked.append(run)
        if run != "r2":
            raise UnfetchedArtifactsError(f"the list of {run} is broken")

    world.bucket.artifacts.side_effect = artifacts
    with pytest.raises(UnfetchedArtifactsError, match="the list of r0 is broken"):
        down(world.session, "digits", YES)
    assert asked == ["r0", "r1", "r2"]
    assert "the list of r1 is broken" in world.told.said
    world.stack.destroy.assert_not_called()


def test_more_runs_than_are_looked_at_stop_the_teardown_unless_given_up(world: World) -> None:
    world.states(stack_state(BUCKET), stack_state())
    world.bucket.runs.return_value = tuple(f"{number:010x}" for number in range(MOST_RUNS))
    with pytest.raises(UnfetchedArtifactsError, match="more than 1000 runs"):
        down(world.session, "digits", YES)
    world.states(stack_state(BUCKET), stack_state())
    assert down(world.session, "digits", DownOptions(yes=True, discard_artifacts=True)).receipt


VOLUME = volume_state(protect=True)


def planned(*states: dict[str, Any]) -> Plan:
    return Plan(
        tuple(
            PlannedChange("delete", each["type"], each["urn"].split("::")[-1], each["urn"]) for each in states
        ),
        0,
    )


def test_a_dry_run_tells_what_down_does_and_changes_nothing(world: World) -> None:
    world.stack.state.side_effect = [stack_state(BUCKET, GROUP, VOLUME)] * 2 + [stack_state(VOLUME)]
    world.stack.preview_destroy.return_value = planned(BUCKET, GROUP)
    forecast = foresee(world.session, "digits", DownOptions())
    assert world.told.questions == []
    for name in ("destroy", "remove", "mark_protected", "forget_pending", "set_config"):
        getattr(world.stack, name).assert_not_called()
    world.bucket.request_stop.assert_not_called()
    result = down(world.session, "digits", YES)
    assert forecast.planned == result.planned == result.receipt.deleted
    assert forecast.kept == result.receipt.kept
    assert forecast.exit_code == 0
    assert pickle.loads(pickle.dumps(forecast)) == forecast, "it may come from another machine"


def test_a_dry_run_tells_what_would_be_prevented_lost_and_left(world: World) -> None:
    world.stack.state.side_effect = [stack_state(BUCKET, GROUP)]
    world.stack.preview_destroy.return_value = planned(BUCKET, GROUP)
    world.provider.blockers.side_effect = lambda found, *about, **more: (
        (HOLDER,) if found.id == "sg-1" else ()
    )
    world.bucket.has_unlisted_artifacts.return_value = True
    left = CloudResource("volume", "vol-9", "aws ec2 delete-volume --volume-id vol-9")
    world.scanner.survey.return_value = Survey((left,))
    forecast = foresee(world.session, "digits", DownOptions())
    assert [each.id for each in forecast.planned] == ["runctl-digits-artifacts-1"]
    assert [each.id for each in forecast.blocked] == ["sg-1"]
    assert [each.id for each in forecast.receipt.leaked] == ["vol-9"]
    assert [each.kind for each in forecast.unfetched] == ["unfetched-artifacts"]
    assert forecast.exit_code == 4


def test_a_dry_run_keeps_what_the_settings_protect_as_the_teardown_does(tmp_path: Path) -> None:
    world = World(tmp_path)
    settings = Settings.model_validate({"owner": "bob", "policies": {"protected": ["vol-data"]}})
    world.session = fake_session(
        tmp_path, driver=world.driver, provider=world.provider, told=world.told, settings=settings
    )
    state = held_state("digits", volumes={"data": False}, bucket=False)
    world.stack.state.side_effect = [state]
    changes = (PlannedChange("delete", each.type, each.name, each.urn) for each in state.in_cloud())
    world.stack.preview_destroy.return_value = Plan(tuple(changes), 0)
    forecast = foresee(world.session, "digits", DownOptions())
    assert "vol-data" not in [each.id for each in forecast.planned]
    assert [(each.id, each.why) for each in forecast.kept] == [("vol-data", "protected")]
    world.stack.mark_protected.assert_not_called()


def test_nothing_is_deleted_when_more_would_go_than_was_confirmed(world: World) -> None:
    world.states(stack_state(BUCKET, GROUP), stack_state())
    world.stack.preview_destroy.return_value = planned(BUCKET, GROUP)
    confirmed = [Deleted(BUCKET["type"], "digits-artifacts-bucket", BUCKET["id"])]
    with pytest.raises(PlanChangedError, match="digits-network-group") as raised:
        down(world.session, "digits", YES, expected=confirmed)
    assert raised.value.exit_code == 4
    world.stack.destroy.assert_not_called()
