"""A new machine is made for a run that lost one: once, by one command, and never for a run that is to end."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, instance_state, placement, resource, stack_config, stack_state
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import InterruptionsExhaustedError, JobEndedError, ProgramError
from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.lost_machine.replace import (
    MAX_REPLACEMENTS,
    OF_A_PROVIDER,
    ReplaceUnattended,
    changes_beside_machine,
)
from runctl_auto.providers.contract import Machine
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig

ROLE = resource("aws:iam/role:Role", "digits-iam-role", "role-1")
LOST = Lost(Machine("i-1", "terminated"), None)


def plan(*changes: tuple[str, str]) -> Plan:
    return Plan(tuple(PlannedChange(how, token, f"digits-{token}", "urn") for how, token in changes), 5)


class Place:
    """A job whose run lost its machine ``i-1``."""

    def __init__(self, folder: Path, config: StackConfig | None = None, machine: str | None = "i-1") -> None:
        self.results = fake_results(
            status=RunStatus(run="r1", phase="running", instance="i-1", updated_at="t0")
        )
        self.provider = fake_provider(results=self.results, machine="terminated")
        self.stack: Any = create_autospec(JobStack, instance=True, job="digits", broken_creations=frozenset())
        self.stack.unfinished.return_value = ()
        self.stack.config.return_value = (config or stack_config()).to_values()
        self.stack.sealed_secrets.return_value = None
        self.stack.state.return_value = stack_state(ROLE, *([instance_state(machine)] if machine else []))
        self.stack.preview.return_value = plan(("replace", "aws:ec2/instance:Instance"))
        self.stack.up.return_value = Changes({"create": 1})
        driver = create_autospec(Driver, instance=True)
        driver.open.return_value = self.stack
        self.told = Told()
        self.session = fake_session(folder, driver=driver, provider=self.provider, told=self.told)

    def replace(self, lost: Lost = LOST) -> tuple[ReplaceUnattended, StackConfig]:
        change = ReplaceUnattended(self.session.job("digits"), stack_config(), lost)
        return change, change.run()

    @property
    def made(self) -> bool:
        return bool(self.stack.up.call_args_list)


def test_a_lost_machine_is_replaced_and_counted(tmp_path: Path) -> None:
    place = Place(tmp_path)
    change, config = place.replace()
    assert change.replaced
    assert place.made
    assert config.lost == ("i-1",)


def test_an_attempt_that_is_repeated_counts_no_machine_twice(tmp_path: Path) -> None:
    place = Place(tmp_path, stack_config(lost=("i-1",)))
    assert place.replace()[1].lost == ("i-1",)


@pytest.mark.parametrize("machine", [None, "i-1"])
def test_a_replacement_that_was_begun_is_finished(tmp_path: Path, machine: str | None) -> None:
    place = Place(tmp_path, machine=machine)
    assert place.replace()[0].replaced


def test_a_machine_that_another_command_made_stays_with_its_configuration(tmp_path: Path) -> None:
    moved = stack_config(placement=placement(zone="us-east-1c"), lost=("i-0",))
    place = Place(tmp_path, moved, machine="i-2")
    change, config = place.replace()
    assert (change.replaced, place.made, config) == (False, False, moved)


def test_a_machine_is_made_with_what_another_command_decided(tmp_path: Path) -> None:
    moved = stack_config(placement=placement(zone="us-east-1c"), lost=("i-0",))
    place = Place(tmp_path, moved)
    assert place.replace()[1] == changed(moved, lost=("i-0", "i-1"))


@pytest.mark.parametrize("phase", ["succeeded", "failed", "stopped"])
def test_a_run_that_ended_gets_none(tmp_path: Path, phase: str) -> None:
    place = Place(tmp_path)
    place.results.status.return_value = RunStatus(run="r1", phase=phase)
    assert not place.replace()[0].replaced
    assert not place.made


@pytest.mark.parametrize(("reason", "who"), [("down", "`runctl down`"), ("unknown", "unknown")])
def test_a_run_that_was_asked_to_stop_gets_none(tmp_path: Path, reason: str, who: str) -> None:
    place = Place(tmp_path)
    place.results.stop_request.return_value = reason
    with pytest.raises(JobEndedError, match=f"was asked to stop by {who}"):
        place.replace()
    assert not place.made


def test_a_run_that_lost_too_many_gets_none_by_whatever_command(tmp_path: Path) -> None:
    place = Place(tmp_path, stack_config(lost=tuple(f"i-0{n}" for n in range(MAX_REPLACEMENTS))))
    with pytest.raises(InterruptionsExhaustedError):
        place.replace()
    assert not place.made


def test_a_hung_machine_is_ended_first(tmp_path: Path) -> None:
    place = Place(tmp_path)
    status = place.results.status.return_value
    place.replace(Lost(Machine("i-1", "running"), status, is_hung=True))
    place.provider.terminate.assert_called_once_with(["i-1"])
    assert place.made


def test_a_machine_that_reports_again_is_left_alone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    before = RunStatus(run="r1", phase="running", instance="i-1", updated_at="earlier")
    change, _ = place.replace(Lost(Machine("i-1", "running"), before, is_hung=True))
    assert not change.replaced
    place.provider.terminate.assert_not_called()


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ([("create", "aws:ec2/instance:Instance")], False),
        ([("replace", "aws:ec2/volumeAttachment:VolumeAttachment"), ("update", "aws:s3/x:X")], False),
        ([("create", "runctl:aws:SpotInstance")], False),
        ([("delete", "aws:s3/bucket:Bucket")], True),
        ([("create", "aws:s3/bucket:Bucket")], True),
        ([("replace", "aws:ebs/volume:Volume")], True),
    ],
)
def test_another_program_makes_nothing(tmp_path: Path, changes: list[tuple[str, str]], refused: bool) -> None:
    place = Place(tmp_path)
    place.stack.preview.return_value = plan(*changes)
    if refused:
        with pytest.raises(ProgramError, match="would also change digits-aws:"):
            place.replace()
    else:
        place.replace()
    assert place.made is not refused


def test_of_several_providers_what_belongs_to_one_comes_and_goes_with_the_machine() -> None:
    moved = plan(
        ("create", "runctl-runpod:index:Pod"),
        ("create", "runctl-runpod:index:Secret"),
        ("delete", "aws:iam/role:Role"),
    )
    assert changes_beside_machine(moved, OF_A_PROVIDER) == ()
    assert len(changes_beside_machine(moved)) == 2
    assert changes_beside_machine(plan(("delete", "aws:s3/bucket:Bucket")), OF_A_PROVIDER)
