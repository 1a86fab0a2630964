"""One command at a time decides about a job in a folder; the other is told who does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime, stack_config
from support.sessions import fake_session

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import StackLockedError, UntrustedError
from runctl_auto.jobs.check import CheckedJob, check_job
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.configuration import held_config, unchanged_when_locked
from runctl_auto.jobs.session import Session, Time
from runctl_auto.operations.down import DownOptions, down
from runctl_auto.operations.preview import preview
from runctl_auto.operations.protect import set_protection
from runctl_auto.operations.up import UpOptions, up


def session(folder: Path, clock: FakeTime | None = None) -> Session:
    return fake_session(folder, clock=clock)


def test_the_second_is_told_who_has_the_job(tmp_path: Path) -> None:
    with (
        claimed(session(tmp_path), "digits"),
        pytest.raises(StackLockedError, match=rf"holds job 'digits': .*\(pid {os.getpid()}\) since 20"),
        claimed(session(tmp_path), "digits"),
    ):
        pass


def test_other_jobs_and_other_folders_are_free(tmp_path: Path) -> None:
    with (
        claimed(session(tmp_path), "digits"),
        claimed(session(tmp_path), "letters"),
        claimed(session(tmp_path / "other"), "digits"),
    ):
        pass


def test_it_ends_with_its_command_also_when_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), claimed(session(tmp_path), "digits"):
        raise KeyError
    with claimed(session(tmp_path), "digits"):
        pass


def test_who_is_patient_waits_for_the_other(tmp_path: Path) -> None:
    first = claimed(session(tmp_path), "digits")
    first.__enter__()
    clock = FakeTime()
    waiting = session(tmp_path, clock)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            first.__exit__(None, None, None)

    patient = replace(waiting, time=Time(sleep=sleep, monotonic=clock.monotonic))
    with claimed(patient, "digits", patience_seconds=60):
        assert len(waited) == 3


def test_patience_ends(tmp_path: Path) -> None:
    clock = FakeTime()
    with (
        claimed(session(tmp_path), "digits"),
        pytest.raises(StackLockedError),
        claimed(session(tmp_path, clock), "digits", patience_seconds=60),
    ):
        pass
    assert clock.now >= 60


@pytest.fixture
def stack() -> Any:
    made = create_autospec(JobStack, instance=True)
    made.config.return_value = stack_config().to_values()
    made.sealed_secrets.return_value = "v1:sealed"
    return made


def test_the_settings_are_put_back_when_somebody_else_holds_the_stack(stack: Any) -> None:
    held = held_config(stack)
    with pytest.raises(StackLockedError), unchanged_when_locked(stack, held):
        raise StackLockedError("held")
    stack.set_config.assert_called_once_with(stack_config().to_values())
    stack.restore_secrets.assert_called_once_with("v1:sealed")


def test_other_failures_leave_the_settings_of_what_was_begun(stack: Any) -> None:
    with pytest.raises(KeyError), unchanged_when_locked(stack, held_config(stack)):
        raise KeyError
    stack.set_config.assert_not_called()


@pytest.mark.parametrize(
    "command",
    [
        lambda place, job: up(place, job, UpOptions(yes=True)),
        lambda place, job: preview(place, job, rerun=False),
        lambda place, job: down(place, job.spec.name, DownOptions(yes=True)),
        lambda place, job: set_protection(place, job.spec.name, "data", protect=True, yes=True),
    ],
)
def test_who_comes_second_neither_opens_the_stack_nor_writes_its_settings(
    tmp_path: Path, command: Callable[[Session, CheckedJob], object]
) -> None:
    (tmp_path / "train.py").touch()
    file = tmp_path / "job.yaml"
    file.write_text(
        "name: digits\nregion: us-east-1\nrun: python train.py\nresources: {instance_types: [t3.micro]}\n"
    )
    second, job = session(tmp_path), check_job(file)
    with claimed(session(tmp_path), "digits"), pytest.raises(StackLockedError):
        command(second, job)
    assert cast(Any, second.driver).mock_calls == []


def test_a_claim_empties_nothing_that_a_link_names(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    with claimed(session(tmp_path / "project"), "digits"):
        pass
    claim = tmp_path / "project" / ".runctl" / "claims" / "digits.json"
    claim.unlink()
    claim.symlink_to(precious)
    with (
        pytest.raises(UntrustedError, match=r"digits\.json is a link"),
        claimed(session(tmp_path / "project"), "digits"),
    ):
        pass
    claim.unlink()
    os.mkfifo(claim)
    with (
        pytest.raises(UntrustedError, match="is not a regular file"),
        claimed(session(tmp_path / "project"), "digits"),
    ):
        pass
    assert precious.read_text() == "precious"
