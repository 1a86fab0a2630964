"""A stack that was made for a plan that fails, or is refused, is removed again."""

from __future__ import annotations

from unittest.mock import Mock, create_autospec

import pytest
from support.job_stacks import instance_state, stack_state
from support.sessions import fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import PolicyViolationError
from runctl_auto.jobs.unused_stack import no_unused_stack


@pytest.fixture
def stack() -> Mock:
    found: Mock = create_autospec(JobStack, instance=True)
    found.state.return_value = stack_state()
    return found


def plan(stack: Mock, *, was_configured: bool = False, keep: bool = True, fails: bool = True) -> None:
    driver = create_autospec(Driver, instance=True)
    driver.open.return_value = stack
    with no_unused_stack(fake_session(driver=driver).job("digits"), lambda: was_configured, keep=keep):
        if fails:
            raise PolicyViolationError("refused")


def test_the_stack_of_a_refused_new_job_is_removed(stack: Mock) -> None:
    with pytest.raises(PolicyViolationError):
        plan(stack)
    stack.remove.assert_called_once_with()


def test_a_job_that_was_there_before_stays(stack: Mock) -> None:
    with pytest.raises(PolicyViolationError):
        plan(stack, was_configured=True)
    stack.remove.assert_not_called()


def test_what_holds_resources_stays(stack: Mock) -> None:
    stack.state.return_value = stack_state(instance_state())
    with pytest.raises(PolicyViolationError):
        plan(stack)
    stack.remove.assert_not_called()


def test_a_new_job_that_is_not_refused_stays(stack: Mock) -> None:
    plan(stack, fails=False)
    stack.remove.assert_not_called()


def test_a_preview_leaves_no_stack(stack: Mock) -> None:
    plan(stack, fails=False, keep=False)
    stack.remove.assert_called_once_with()
