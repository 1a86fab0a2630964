"""Jobs that begin at once: the later one counts the earlier, though no state tells of it yet."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime
from support.sessions import fake_session

from runctl_auto.backend.backend import open_backend
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.errors import TooManyJobsError
from runctl_auto.jobs.admission import admitted
from runctl_auto.jobs.session import Session
from runctl_auto.local.file_lock import take
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import INSTANCE, StackState, parse_state

NEW_MACHINE = Plan((PlannedChange("create", INSTANCE, "digits-machine-instance", "urn"),), 0)


def session(
    folder: Path, limit: int = 1, *, backend: Path | None = None, clock: FakeTime | None = None
) -> Session:
    url = (backend or folder / "state").as_uri()
    driver = create_autospec(Driver, instance=True, backend=open_backend(url, PROJECT_NAME))
    driver.jobs.return_value = ()
    return fake_session(
        folder,
        driver=driver,
        clock=clock,
        backend=url,
        settings=Settings(owner="ann", max_parallel_jobs=limit),
    )


def test_the_later_of_two_is_refused_and_names_the_earlier(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with admitted(session(tmp_path / "a", backend=state), "one", NEW_MACHINE):
        with (
            pytest.raises(TooManyJobsError, match="1 jobs run, and at most 1 may: one"),
            admitted(session(tmp_path / "b", backend=state), "two", NEW_MACHINE),
        ):
            pass
        with admitted(session(tmp_path / "c", 2, backend=state), "two", NEW_MACHINE):
            pass


def test_one_that_was_refused_and_one_that_has_ended_count_no_more(tmp_path: Path) -> None:
    with admitted(session(tmp_path), "one", NEW_MACHINE):
        pass
    with admitted(session(tmp_path, 2), "one", NEW_MACHINE):
        with (
            pytest.raises(TooManyJobsError),
            admitted(session(tmp_path, 1), "two", NEW_MACHINE),
        ):
            pass
        with admitted(session(tmp_path, 2), "three", NEW_MACHINE):
            pass


def test_a_job_does_not_count_itself_nor_one_that_gets_no_machine(tmp_path: Path) -> None:
    with (
        admitted(session(tmp_path), "one", NEW_MACHINE),
        admitted(session(tmp_path), "one", NEW_MACHINE),
        admitted(session(tmp_path), "two", Plan((), 3)),
    ):
        pass


def test_a_machine_that_a_killed_engine_was_making_counts(tmp_path: Path) -> None:
    place = session(tmp_path)
    open_creation = {"type": "creating", "resource": {"urn": "u", "type": INSTANCE, "custom": True}}
    states: dict[str, StackState] = {"one": parse_state({"pending_operations": [open_creation]})}
    place.driver.jobs.return_value = (JobSummary("one", 3, None, False),)  # type: ignore[attr-defined]
    place.driver.states.return_value = states  # type: ignore[attr-defined]
    place.driver.config_of.return_value = {}  # type: ignore[attr-defined]
    with pytest.raises(TooManyJobsError), admitted(place, "two", NEW_MACHINE):
        pass


def test_who_stays_in_the_gate_is_not_waited_for_without_end(tmp_path: Path) -> None:
    with admitted(session(tmp_path), "one", NEW_MACHINE):
        pass
    clock = FakeTime()
    with (tmp_path / "state" / ".runctl-starting" / "gate").open("rb") as gate:
        assert take(gate)
        with admitted(session(tmp_path, clock=clock), "two", NEW_MACHINE):
            assert clock.now >= 60


def test_without_a_folder_to_write_in_what_states_tell_is_counted(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    with admitted(session(tmp_path), "one", NEW_MACHINE):
        pass


@pytest.mark.parametrize("name", ["gate", "digits.job", "other.job"])
def test_a_planted_mark_is_not_followed(tmp_path: Path, name: str) -> None:
    state, made = tmp_path / "state", tmp_path / "made"
    (state / ".runctl-starting").mkdir(parents=True)
    (state / ".runctl-starting" / name).symlink_to(made)
    with admitted(session(tmp_path, backend=state), "digits", NEW_MACHINE):
        assert not made.exists()
