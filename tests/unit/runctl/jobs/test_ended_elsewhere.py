"""A command that follows a run which another one ends: it says so and makes nothing anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import RUN, resource, stack_config, stack_state
from support.sessions import fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import JobEndedError, JobNotFoundError
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere, refuse_stopped_elsewhere
from runctl_auto.jobs.job import Job
from runctl_auto.run.status import RunStatus

BUCKET = resource("aws:s3/bucket:Bucket", "digits-artifacts-bucket", "runctl-digits-artifacts-1")
ROLE = resource("aws:iam/role:Role", "digits-iam-role", "runctl-digits-machine-1")


@pytest.fixture
def stack() -> Any:
    made = create_autospec(JobStack, instance=True)
    made.state.return_value = stack_state(BUCKET, ROLE)
    made.config.return_value = stack_config().to_values()
    return made


@pytest.fixture
def job(stack: Any) -> Job:
    driver = create_autospec(Driver, instance=True)
    driver.open.return_value = stack
    return fake_session(driver=driver).job("digits")


@pytest.mark.parametrize(
    ("reason", "by"), [("down", "`runctl down`"), ("replace", "an `up` of something else")]
)
def test_a_run_that_another_command_stopped(reason: str, by: str) -> None:
    with pytest.raises(JobEndedError, match=f"was stopped by {by}") as raised:
        refuse_stopped_elsewhere(stack_config(), RunStatus(run="r1", phase="stopped", reason=reason))
    assert raised.value.exit_code == 1


@pytest.mark.parametrize(
    ("phase", "reason"),
    [("stopped", "max_duration"), ("failed", "command_failed"), ("succeeded", "completed")],
)
def test_a_run_that_came_to_its_own_end(phase: str, reason: str) -> None:
    refuse_stopped_elsewhere(stack_config(), RunStatus(run="r1", phase=phase, reason=reason))


def test_a_job_that_is_what_it_was(job: Job) -> None:
    refuse_ended_elsewhere(job, stack_config())


def test_a_job_that_is_gone(job: Job, stack: Any) -> None:
    stack.state.side_effect = JobNotFoundError("no stack named 'digits'")
    with pytest.raises(JobEndedError, match="was ended by another command"):
        refuse_ended_elsewhere(job, stack_config())


def test_a_job_of_which_only_what_is_kept_is_left(job: Job, stack: Any) -> None:
    stack.state.return_value = stack_state(BUCKET)
    with pytest.raises(JobEndedError, match="was ended by another command"):
        refuse_ended_elsewhere(job, stack_config())


def test_a_job_that_has_another_run_by_now(job: Job, stack: Any) -> None:
    stack.config.return_value = stack_config(run=replace(RUN, id="r2")).to_values()
    with pytest.raises(JobEndedError, match="was replaced by run r2"):
        refuse_ended_elsewhere(job, stack_config())
