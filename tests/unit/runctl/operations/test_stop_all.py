"""All jobs whose runs go on are stopped after one question; one that fails keeps no other from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.job_stacks import Told, job_spec, stack_config
from support.output_schemas import problems
from support.sessions import fake_session

from runctl_auto.engine.driver import JobSummary
from runctl_auto.engine.executor.local_pool import LocalPool
from runctl_auto.errors import ConfirmationNeededError, ExitCode, StackLockedError
from runctl_auto.jobs.filters import Filters
from runctl_auto.jobs.graceful_stop import StopOutcome
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.operations import stop_all as module
from runctl_auto.operations.status import JobStatus
from runctl_auto.operations.stop import StopOptions, StopResult
from runctl_auto.operations.stop_all import StopAllResult, stop_all
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import StackState

STOPPED = RunStatus("r1", "stopped", exit_code=0, message="on request")


class World:
    """Two jobs that run, one that has ended, and one without a status yet."""

    def __init__(self, folder: Path, *, agrees: bool = True) -> None:
        self.told = Told(agrees=agrees)
        self.session = fake_session(folder, told=self.told)
        self.asked: list[str] = []
        self.locked: set[str] = set()
        phases = {"ann": "running", "bob": "setup", "carl": "failed", "dora": None}
        self.listed = [self._listed(name, phase) for name, phase in phases.items()]

    def _listed(self, name: str, phase: str | None) -> ListedJob:
        status = None if phase is None else RunStatus("r1", phase)
        return ListedJob(JobSummary(name, 2, None, False), self._facts(name, status))

    def _facts(self, name: str, status: RunStatus | None) -> RunFacts:
        return RunFacts(stack_config(job=job_spec(name=name)), status, self.session.time.now())

    def stop(self, session: Any, name: str, options: StopOptions) -> StopResult:
        assert options == StopOptions(yes=True, grace_seconds=7)
        self.asked.append(name)
        if name in self.locked:
            raise StackLockedError("somebody else works on it")
        now = JobStatus(self._facts(name, STOPPED), None, StackState((), ()), ())
        return StopResult(StopOutcome("stopped", STOPPED), now)

    def run(self, *, yes: bool = True) -> StopAllResult:
        pool = LocalPool(1, lambda stack: self.session)
        return stop_all(self.session, Filters(), StopOptions(yes=yes, grace_seconds=7), pool)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return patched(World(tmp_path), monkeypatch)


def patched(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(module, "stop", world.stop)
    monkeypatch.setattr(module, "wanted_jobs", lambda session, filters: tuple(world.listed))
    return world


def test_those_that_go_on_are_stopped(world: World) -> None:
    result = world.run()
    assert sorted(world.asked) == ["ann", "bob", "dora"] == [each.job for each in result.jobs]
    assert result.exit_code == ExitCode.DONE
    assert problems("stop", result.as_json()) == []


def test_one_that_fails_keeps_no_other_from_it(world: World) -> None:
    world.locked = {"ann"}
    result = world.run()
    assert [each.job for each in result.jobs if each.result] == ["bob", "dora"]
    [ann] = [each for each in result.jobs if each.error]
    assert "somebody else" in ann.error.text  # type: ignore[union-attr]
    assert result.exit_code == ExitCode.FAILURE
    assert problems("stop", result.as_json()) == []


def test_one_question_names_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = patched(World(tmp_path, agrees=False), monkeypatch)
    with pytest.raises(ConfirmationNeededError):
        world.run(yes=False)
    assert world.asked == []
    assert len(world.told.questions) == 1
    assert "3 jobs (ann, bob, dora)" in world.told.questions[0]


def test_nothing_to_stop_asks_nobody(world: World) -> None:
    world.listed = []
    assert world.run(yes=False).jobs == ()
    assert world.told.questions == []
