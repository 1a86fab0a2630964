"""Jobs that begin at once: the later one counts the earlier, though no state tells of it yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime
from support.sessions import fake_session

from runctl_auto.backend.backend import open_backend
from runctl_auto.backend.claims import NO_JOB
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.errors import TooManyJobsError
from runctl_auto.jobs.admission import admitted
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.session import Session, Time
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import INSTANCE, StackState, parse_state

NEW_MACHINE = Plan((PlannedChange("create", INSTANCE, "digits-machine-instance", "urn"),), 0)


def session(
    folder: Path, limit: int = 1, *, backend: Path | None = None, clock: FakeTime | None = None
) -> Session:
    state = backend or folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    url = state.as_uri()
    driver = create_autospec(Driver, instance=True, backend=open_backend(url, PROJECT_NAME))
    driver.jobs.return_value = ()
    return fake_session(
        folder,
        driver=driver,
        clock=clock,
        backend=url,
        settings=Settings(owner="ann", max_parallel_jobs=limit),
    )


@contextmanager
def begins(place: Session, job: str, plan: Plan = NEW_MACHINE) -> Iterator[None]:
    """As in every change that makes something: the job is claimed first."""
    with claimed(place, job, everywhere=True) as held, admitted(place, held, plan):
        yield


@pytest.mark.parametrize("is_shared", [True, False])
def test_the_later_of_two_is_refused_and_names_the_earlier(tmp_path: Path, is_shared: bool) -> None:
    folders = [tmp_path / name for name in ("abc" if is_shared else "aaa")]
    first, second, third = (
        session(folder, limit, backend=(tmp_path / "state") if is_shared else None)
        for folder, limit in zip(folders, (1, 1, 2), strict=True)
    )
    if not is_shared:
        for place in (first, second, third):
            place.driver.backend = open_backend("gs://states", PROJECT_NAME)
    with begins(first, "one"):
        with (
            pytest.raises(TooManyJobsError, match="1 jobs run, and at most 1 may: one"),
            begins(second, "two"),
        ):
            pass
        with begins(third, "two"):
            pass


def test_one_that_was_refused_and_one_that_has_ended_count_no_more(tmp_path: Path) -> None:
    with begins(session(tmp_path), "one"):
        pass
    with begins(session(tmp_path, 2), "one"):
        with pytest.raises(TooManyJobsError), begins(session(tmp_path, 1), "two"):
            pass
        with begins(session(tmp_path, 2), "three"):
            pass


def test_a_job_does_not_count_itself_nor_one_that_gets_no_machine(tmp_path: Path) -> None:
    with begins(session(tmp_path), "one"), begins(session(tmp_path), "two", Plan((), 3)):
        pass


def planted(place: Session, job: str, **fields: object) -> None:
    """A claim of a command on another machine, which was getting a machine for its job."""
    document = {
        "id": job,
        "term_seconds": 30,
        "starting": True,
        "pid": 7,
        "username": "ann",
        "hostname": "elsewhere",
        "timestamp": "2030-01-01T00:00:00Z",
        **fields,
    }
    claims = place.claims()
    assert claims is not None
    assert claims.files.write_version(claims.path(job), json.dumps(document).encode(), None)


def test_one_that_was_killed_on_another_machine_counts_no_longer_than_its_term(tmp_path: Path) -> None:
    clock = FakeTime()
    place = session(tmp_path, clock=clock)
    planted(place, "one")
    with begins(place, "two"):
        assert 30 <= clock.now < 40


def test_one_that_begins_on_another_machine_is_seen_to_live(tmp_path: Path) -> None:
    clock = FakeTime()
    place = session(tmp_path, clock=clock)
    planted(place, "one")
    claims = place.claims()
    assert claims is not None

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now >= 8:
            found = claims.files.read_version(claims.path("one"))
            assert found is not None
            content = {**json.loads(found.content), "written": clock.now}
            claims.files.write_version(claims.path("one"), json.dumps(content).encode(), found.version)

    place = replace(place, time=Time(sleep=sleep, monotonic=clock.monotonic))
    with pytest.raises(TooManyJobsError, match="one"), begins(place, "two"):
        pass
    assert clock.now < 15


def test_a_machine_that_a_killed_engine_was_making_counts(tmp_path: Path) -> None:
    place = session(tmp_path)
    open_creation = {"type": "creating", "resource": {"urn": "u", "type": INSTANCE, "custom": True}}
    states: dict[str, StackState] = {"one": parse_state({"pending_operations": [open_creation]})}
    place.driver.jobs.return_value = (JobSummary("one", 3, None, False),)  # type: ignore[attr-defined]
    place.driver.states.return_value = states  # type: ignore[attr-defined]
    place.driver.config_of.return_value = {}  # type: ignore[attr-defined]
    with pytest.raises(TooManyJobsError), begins(place, "two"):
        pass


def test_who_stays_in_the_gate_is_not_waited_for_without_end(tmp_path: Path) -> None:
    clock = FakeTime()
    place = session(tmp_path, clock=clock)
    planted(place, NO_JOB, starting=False)
    with begins(place, "two"):
        assert 30 <= clock.now <= 61


def test_without_a_folder_to_write_in_what_states_tell_is_counted(tmp_path: Path) -> None:
    place = session(tmp_path)
    (tmp_path / "state").rmdir()
    (tmp_path / "state").write_text("no folder")
    with begins(place, "one"):
        pass


@pytest.mark.parametrize("name", ["gate", "digits.job", "other.job"])
def test_a_planted_mark_is_not_followed(tmp_path: Path, name: str) -> None:
    made, place = tmp_path / "made", session(tmp_path)
    place.driver.backend = open_backend("gs://states", PROJECT_NAME)
    (place.folders.make_private("starting") / name).symlink_to(made)
    with begins(place, "digits"):
        assert not made.exists()
