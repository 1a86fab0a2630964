"""What policies refuse leaves no trace of a new job."""

from __future__ import annotations

from unittest.mock import Mock, create_autospec

import pytest
from support.job_stacks import instance_state, stack_state

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import PolicyViolationError
from runctl_auto.jobs.intent import NEW_JOB, Present
from runctl_auto.jobs.planning import no_trace_of_what_is_refused


@pytest.fixture
def stack() -> Mock:
    found: Mock = create_autospec(JobStack, instance=True)
    found.state.return_value = stack_state()
    return found


def refuse_within(stack: Mock, present: Present) -> None:
    with pytest.raises(PolicyViolationError), no_trace_of_what_is_refused(stack, present):
        raise PolicyViolationError("refused")


def test_the_stack_of_a_refused_new_job_is_removed(stack: Mock) -> None:
    refuse_within(stack, NEW_JOB)
    stack.remove.assert_called_once_with()


def test_a_job_that_was_there_before_stays(stack: Mock) -> None:
    refuse_within(stack, Present(None, stack_state(), None))
    stack.remove.assert_not_called()


def test_what_holds_resources_stays(stack: Mock) -> None:
    stack.state.return_value = stack_state(instance_state())
    refuse_within(stack, NEW_JOB)
    stack.remove.assert_not_called()


def test_a_new_job_that_is_not_refused_stays(stack: Mock) -> None:
    with no_trace_of_what_is_refused(stack, NEW_JOB):
        pass
    stack.remove.assert_not_called()
