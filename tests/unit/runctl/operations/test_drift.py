"""Drift of many jobs: a job that cannot be looked at hides no other, and the exit code tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import resource, stack_config, stack_state
from support.output_schemas import problems
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.cli.views.drift import drift_json, show_drift
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.executor.local_pool import LocalPool
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.engine.refresh_plan import Difference, ResourceDrift
from runctl_auto.errors import StackLockedError
from runctl_auto.operations.drift import DriftResult, drift, named_jobs
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import INSTANCE, VOLUME

RESIZED = ResourceDrift(
    "changed",
    f"urn:pulumi:digits::runctl::{VOLUME}::digits-data-volume",
    VOLUME,
    "vol-1",
    protected=True,
    differences=(Difference("size", "100", "200"), Difference("token", None, None, secret=True)),
)
LOST = ResourceDrift("gone", f"urn:pulumi:digits::runctl::{INSTANCE}::digits-machine", INSTANCE, "i-1")


class World:
    def __init__(self, folder: Path) -> None:
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.config.return_value = stack_config().to_values()
        self.stack.state.return_value = stack_state(resource(VOLUME, "digits-data-volume", "vol-1"))
        self.stack.preview_refresh.return_value = ()
        self.results = fake_results(status=RunStatus("r1", "succeeded"))
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.open.return_value = self.stack
        self.driver.jobs.return_value = (JobSummary("digits", 1, None, False),)
        self.session = fake_session(folder, driver=self.driver, provider=fake_provider(results=self.results))

    def look(self, *jobs: str) -> DriftResult:
        result = drift(jobs or ("digits",), LocalPool(2, lambda stack: self.session))
        assert problems("drift", drift_json(result)) == []
        return result


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def codes(result: DriftResult) -> tuple[int, int]:
    return result.exit_code(detailed=False), result.exit_code(detailed=True)


def test_without_drift_all_is_well_and_no_status_is_asked(world: World) -> None:
    assert codes(world.look()) == (0, 0)
    world.results.status.assert_not_called()
    for name in ("up", "refresh", "set_config", "mark_protected"):
        getattr(world.stack, name).assert_not_called()


def test_drift_is_told_with_what_it_was_and_is_and_that_it_is_protected(world: World) -> None:
    world.stack.preview_refresh.return_value = (RESIZED,)
    result = world.look()
    assert codes(result) == (0, 2)
    lines: list[str] = []
    show_drift(lines.append, result)
    text = "\n".join(lines)
    assert "PROTECTED" in text
    assert "size: was 100, is 200" in text
    assert "token: a secret value differs" in text


def test_the_machine_of_an_ended_run_is_no_drift(world: World) -> None:
    world.stack.preview_refresh.return_value = (LOST,)
    result = world.look()
    assert codes(result) == (0, 0)
    assert result.jobs[0].drift is not None
    assert result.jobs[0].drift.expected == (LOST,)
    world.results.status.return_value = RunStatus("r1", "running")
    assert codes(world.look()) == (0, 2)


def test_a_job_that_cannot_be_looked_at_is_told_and_hides_no_other(world: World) -> None:
    world.stack.preview_refresh.return_value = (RESIZED,)
    world.driver.open.side_effect = lambda job: self_locked() if job == "busy" else world.stack
    result = world.look("busy", "digits")
    assert [each.job for each in result.drifted] == ["digits"]
    assert [each.job for each in result.jobs if each.error is not None] == ["busy"]
    assert codes(result) == (1, 1)


def self_locked() -> None:
    raise StackLockedError("carol works on it")


def test_a_folder_names_the_jobs_of_its_files_that_were_applied(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    for name in ("digits", "never-applied"):
        (folder / f"{name}.yaml").write_text(f"name: {name}\nprovider: aws\nregion: us-east-1\nrun: 'true'\n")
    (folder / "broken.yaml").write_text("name: [\n")
    jobs, unread = named_jobs(world.session, str(folder))
    assert jobs == ["digits"]
    assert [name for name, _ in unread] == ["broken.yaml"]
    assert named_jobs(world.session, "digits") == (["digits"], [])
    result = drift(jobs, LocalPool(1, lambda stack: world.session), unread=unread)
    assert codes(result) == (1, 1)
