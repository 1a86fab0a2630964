"""Waiting for a run: how it ended is the exit code, and a timeout is an error of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime, instance_state, stack_config, stack_state
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import TrainingFailedError, WaitTimedOutError
from runctl_auto.jobs.session import Time
from runctl_auto.operations.wait import wait
from runctl_auto.providers.contract import Machine
from runctl_auto.run.status import RunStatus

RUNNING = RunStatus("r1", "running", instance="i-1", started_at="2026-01-01T00:00:00Z")


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


def session_of(tmp_path: Any, clock: FakeTime, statuses: Iterator[RunStatus]) -> Any:
    stack: Any = create_autospec(JobStack, instance=True)
    stack.job = "digits"
    stack.config.return_value = stack_config().to_values()
    stack.state.return_value = stack_state(instance_state())
    driver: Any = create_autospec(Driver, instance=True)
    driver.open.return_value = stack
    results = fake_results()
    results.status.side_effect = lambda run: next(statuses)
    provider = fake_provider(results=results)
    provider.machine.return_value = Machine("i-1", "running")
    provider.machines.return_value = {"i-1": Machine("i-1", "running")}
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    return fake_session(tmp_path, driver=driver, provider=provider, time=time)


def test_a_success_is_waited_for_and_told(tmp_path, clock) -> None:
    ended = RunStatus("r1", "succeeded", exit_code=0)
    told: list[str] = []
    session = session_of(tmp_path, clock, iter([RUNNING, RUNNING, ended]))
    found = wait(session, "digits", lambda each: told.append(each.phase))
    assert found.phase == "succeeded"
    assert told == ["running", "running", "succeeded"]
    assert clock.monotonic() > 0


@pytest.mark.parametrize(("phase", "word"), [("failed", "failed"), ("stopped", "was stopped")])
def test_anything_else_is_the_trainings_failure(tmp_path, clock, phase, word) -> None:
    ended = RunStatus("r1", phase, exit_code=7, reason="command_failed", message="no data")
    with pytest.raises(TrainingFailedError, match=f"{word} with exit code 7: no data") as told:
        wait(session_of(tmp_path, clock, iter([ended])), "digits", lambda each: None)
    assert told.value.training_exit_code == 7


def test_a_run_that_goes_on_after_the_timeout(tmp_path, clock) -> None:
    def for_ever() -> Iterator[RunStatus]:
        while True:
            yield RUNNING

    with pytest.raises(WaitTimedOutError, match="within 10 s; it is running"):
        wait(session_of(tmp_path, clock, for_ever()), "digits", lambda each: None, timeout=10)
    assert clock.monotonic() == 10
