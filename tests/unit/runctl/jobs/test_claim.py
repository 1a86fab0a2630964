"""One command at a time decides about a job in a folder; the other is told who does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime, Told, stack_config
from support.sessions import fake_session
from support.versioned_in_memory import VersionedInMemory

from runctl_auto.backend.backend import Backend
from runctl_auto.backend.claims import RENEWAL_SECONDS, TERM_SECONDS, Claims, Lease
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    StackLockedError,
    UnreachableError,
    UntrustedError,
)
from runctl_auto.jobs.check import CheckedJob, check_job
from runctl_auto.jobs.claim import claimed, renewed
from runctl_auto.jobs.configuration import held_config, unchanged_when_locked
from runctl_auto.jobs.session import Session, Time
from runctl_auto.local.project import PROJECT_NAME
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


def shared(folder: Path, files: VersionedInMemory, clock: FakeTime | None = None) -> Session:
    """A session in a project folder of its own, on a backend that holds claims."""
    driver = create_autospec(Driver, instance=True)
    driver.backend = create_autospec(Backend, instance=True, versioned_files=files, url="s3://states")
    return fake_session(folder, driver=driver, clock=clock)


def from_afar(files: VersionedInMemory, clock: FakeTime) -> Lease:
    """The claim of a command on another machine."""
    claims = Claims(files, PROJECT_NAME, clock.monotonic, lambda: "since then", process=lambda: None)
    lease = claims.attempt("digits")
    assert isinstance(lease, Lease)
    return lease


def test_in_another_folder_a_job_is_held_by_who_changes_it(tmp_path: Path) -> None:
    files = VersionedInMemory()
    with (
        claimed(shared(tmp_path / "a", files), "digits", everywhere=True),
        pytest.raises(StackLockedError, match=rf"\(pid {os.getpid()}\)"),
        claimed(shared(tmp_path / "b", files), "digits", everywhere=True),
    ):
        pass
    with claimed(shared(tmp_path / "b", files), "digits", everywhere=True):
        pass


def test_who_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    files, clock = VersionedInMemory(), FakeTime()
    from_afar(files, clock)
    before = dict(files.files)
    with claimed(shared(tmp_path, files, clock), "digits"):
        assert files.files == before


def test_a_holder_on_another_machine_is_watched_for_a_term(tmp_path: Path) -> None:
    files, clock = VersionedInMemory(), FakeTime()
    from_afar(files, clock)
    place = shared(tmp_path, files, clock)
    with claimed(place, "digits", everywhere=True):
        assert TERM_SECONDS <= clock.now < TERM_SECONDS + 5
    assert [each for each in cast(Told, place.reporter).said if "still works on job" in each]


def test_a_holder_that_renews_is_refused_as_soon_as_that_is_seen(tmp_path: Path) -> None:
    files, clock = VersionedInMemory(), FakeTime()
    lease = from_afar(files, clock)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now % RENEWAL_SECONDS < seconds:
            lease.renew()

    place = replace(shared(tmp_path, files, clock), time=Time(sleep=sleep, monotonic=clock.monotonic))
    with pytest.raises(StackLockedError), claimed(place, "digits", everywhere=True):
        pass
    assert clock.now <= RENEWAL_SECONDS + 2


def test_a_watcher_waits_for_nobody_and_remembers_what_it_saw(tmp_path: Path) -> None:
    files, clock = VersionedInMemory(), FakeTime()
    from_afar(files, clock)
    place = shared(tmp_path, files, clock)
    for _ in range(3):
        with (
            pytest.raises(StackLockedError),
            claimed(place, "digits", everywhere=True, watches_holders=False),
        ):
            pass
        assert clock.now < TERM_SECONDS
        clock.sleep(10)
    with claimed(place, "digits", everywhere=True, watches_holders=False):
        pass


def test_who_was_succeeded_goes_no_further(tmp_path: Path) -> None:
    files, clock = VersionedInMemory(), FakeTime()
    with claimed(shared(tmp_path, files, clock), "digits", everywhere=True) as held:
        held.refuse_if_lost()
        assert held.lease is not None
        taken = Claims(files, PROJECT_NAME, clock.monotonic, lambda: "now", process=lambda: None)
        found = taken.held_on("digits")
        assert found is not None
        assert taken.free(found)
        assert isinstance(taken.attempt("digits"), Lease)
        clock.sleep(TERM_SECONDS)
        with pytest.raises(StackLockedError, match="holds job 'digits'"):
            held.refuse_if_lost()
    assert taken.held_on("digits") is not None, "the claim of the other is left alone"


@pytest.mark.parametrize(
    "fault",
    [
        PermissionError(13, "Permission denied"),
        AccessDeniedError("no"),
        CloudError("no", code="NotImplemented"),
    ],
)
def test_where_claims_cannot_be_written_the_folder_alone_is_claimed(tmp_path: Path, fault: Exception) -> None:
    files = create_autospec(VersionedInMemory, instance=True)
    files.read_version.side_effect = fault
    place = shared(tmp_path, files)
    with claimed(place, "digits", everywhere=True) as held:
        assert held.lease is None
        held.refuse_if_lost()
    assert "in this folder only" in cast(Told, place.reporter).said[-1]


def test_a_lease_is_renewed_while_its_command_lives() -> None:
    lease = create_autospec(Lease, instance=True)
    often, calls = threading.Event(), [True, UnreachableError("no answer"), True, True]

    def renew() -> bool:
        outcome = calls.pop(0)
        if not calls:
            often.set()
            return False
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    lease.renew.side_effect = renew
    with renewed(lease, every_seconds=0.0):
        assert often.wait(30)
        lease.release.assert_not_called()
    lease.release.assert_called_once_with()
    assert lease.renew.call_count == 4, "one that is lost is not renewed"
