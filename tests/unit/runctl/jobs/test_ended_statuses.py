"""Statuses of ended runs are read once, and only as long as they are those of the same life of a job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import RUN, job_spec, stack_config
from support.sessions import fake_provider, fake_session

from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.errors import UnreachableError
from runctl_auto.jobs.listing import list_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.providers.contract import RunKey
from runctl_auto.run.status import RunStatus, parse_run_status

MADE = "2026-01-01T00:00:00Z"
ENDED = b'{"schema": 1, "phase": "failed", "exit_code": 7, "phases": {"run": 3.5}}'


class World:
    """Jobs whose runs have statuses, and which of them were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, str | None] = {"digits": MADE, "eyes": MADE}
        self.statuses: dict[str, Any] = {
            "digits": parse_run_status(ENDED, "r2"),
            "eyes": RunStatus("r2", "running", updated_at="2999-01-01T00:00:00Z"),
        }
        self.asked: list[str] = []

    def session(self, backend: str = "file:///state") -> Session:
        driver = create_autospec(Driver, instance=True)
        driver.jobs.return_value = tuple(
            JobSummary(name, 3, None, False, made_at=made) for name, made in self.made.items()
        )
        run = replace(RUN, id="r2", attempt=2, earlier=("r1",))
        driver.config_of.side_effect = lambda job: stack_config(job=job_spec(name=job), run=run).to_values()
        provider = fake_provider()
        provider.statuses.side_effect = self._statuses
        return fake_session(self.folder, driver=driver, provider=provider, backend=backend)

    def _statuses(self, runs: Sequence[RunKey]) -> list[Any]:
        self.asked += [f"{each.job}/{each.run}" for each in runs]
        return [self.statuses[each.job] if each.run == "r2" else None for each in runs]

    def list(self, **options: Any) -> tuple[dict[str, str | None], list[str]]:
        """Phases by job, and what was asked for."""
        self.asked = []
        found = {each.summary.name: each.phase for each in list_jobs(self.session(**options))}
        return found, self.asked


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_ended_run_is_asked_for_once(world: World) -> None:
    first, asked = world.list()
    assert len(asked) == 4
    second, asked = world.list()
    assert second == first == {"digits": "failed", "eyes": "running"}
    assert asked == ["digits/r1", "eyes/r1", "eyes/r2"], "runs that left nothing may still do so"
    (digits, _) = list_jobs(world.session())
    assert digits.facts is not None
    assert digits.facts.status == parse_run_status(ENDED, "r2"), "all of it is as it was"


def test_a_job_that_was_set_up_again_is_asked_for(world: World) -> None:
    world.list()
    world.made["digits"] = "2026-02-02T00:00:00Z"
    world.statuses["digits"] = world.statuses["eyes"]
    assert world.list()[0]["digits"] == "running"


def test_another_backend_has_other_runs(world: World) -> None:
    world.list()
    assert "digits/r2" in world.list(backend="s3://another")[1]


def test_where_nothing_tells_the_life_of_a_job_nothing_is_kept(world: World) -> None:
    world.made = {"digits": None}
    world.list()
    assert "digits/r2" in world.list()[1]
    assert not (world.folder / ".runctl" / "statuses").exists()


def test_what_cannot_be_read_is_asked_for_again(world: World) -> None:
    world.statuses["digits"] = UnreachableError("no answer")
    world.list()
    assert "digits/r2" in world.list()[1]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"format": 1, "statuses": {"a/b/c": 1}}'])
def test_a_damaged_file_counts_as_none(world: World, text: str) -> None:
    world.list()
    (file,) = (world.folder / ".runctl" / "statuses").iterdir()
    file.write_text(text)
    assert world.list()[0]["digits"] == "failed"
    assert "digits/r2" not in world.list()[1], "and is written again"


def test_a_kept_status_that_is_damaged_is_asked_for_again(world: World) -> None:
    world.list()
    (file,) = (world.folder / ".runctl" / "statuses").iterdir()
    kept = json.loads(file.read_text())
    for entry in kept["statuses"].values():
        entry["status"] = "{"
    file.write_text(json.dumps(kept))
    found, asked = world.list()
    assert (found["digits"], "digits/r2" in asked) == ("failed", True)


def test_jobs_that_are_gone_are_not_kept(world: World) -> None:
    world.list()
    del world.made["digits"]
    world.statuses["eyes"] = parse_run_status(ENDED, "r2")
    world.list()
    (file,) = (world.folder / ".runctl" / "statuses").iterdir()
    assert "digits" not in file.read_text()
