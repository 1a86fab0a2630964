"""Applying: one place after another, only for want of capacity; protection once it is placed."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import Mock, create_autospec

import pytest
from support.job_stacks import Told, placement, stack_config

from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import AccessDeniedError, NoCapacityError, PolicyViolationError, Violation
from runctl_auto.jobs.apply import apply_in_first_place, protect_when_placed
from runctl_auto.stack.config import Placement, Protection

DONE = Changes({"create": 3})
SECOND = placement(zone="us-east-1b")
THIRD = placement(zone="us-east-1c", market="on-demand")


def no_capacity() -> NoCapacityError:
    return NoCapacityError("none", code="InsufficientInstanceCapacity")


@pytest.fixture
def stack() -> Mock:
    found: Mock = create_autospec(JobStack, instance=True)
    return found


def zones_tried(stack: Mock) -> list[str]:
    texts = [call.args[0]["runctl:placement"] for call in stack.set_config.call_args_list]
    return [zone for text in texts for zone in ("us-east-1a", "us-east-1b", "us-east-1c") if zone in text]


def test_the_first_place_with_capacity_is_pinned(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), DONE]
    reporter = Told()
    config, changes = apply_in_first_place(stack, stack_config(), [SECOND, THIRD], reporter, refresh=False)
    assert config.placement == SECOND
    assert changes == DONE
    assert zones_tried(stack) == ["us-east-1a", "us-east-1b"]
    assert reporter.said == ["no capacity; trying t3.micro spot in us-east-1b"]


def test_others_are_not_asked_for_without_need(stack: Mock) -> None:
    stack.up.return_value = DONE

    def others() -> Iterator[Placement]:
        pytest.fail("asked")
        yield SECOND

    config, _ = apply_in_first_place(stack, stack_config(), others(), Told(), refresh=True)
    assert config.placement.zone == "us-east-1a"
    stack.up.assert_called_once_with(refresh=True)


def test_no_capacity_anywhere_tells_all_reasons(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), NoCapacityError("x", code="VcpuLimitExceeded")]
    with pytest.raises(NoCapacityError) as raised:
        apply_in_first_place(stack, stack_config(), [THIRD], Told(), refresh=False)
    assert "t3.micro spot in us-east-1a: InsufficientInstanceCapacity" in raised.value.what
    assert "t3.micro on-demand in us-east-1c: VcpuLimitExceeded" in raised.value.what


def refusal() -> PolicyViolationError:
    violation = Violation(
        rule="cost-within-budget", resource="digits", found="9 USD", allowed="at most 5 USD"
    )
    return PolicyViolationError("refused", violations=[violation])


def test_another_place_that_policies_refuse_is_passed_over(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), refusal(), DONE]
    config, _ = apply_in_first_place(stack, stack_config(), [SECOND, THIRD], Told(), refresh=False)
    assert config.placement == THIRD


def test_why_policies_refuse_a_place_is_among_the_reasons(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), refusal()]
    with pytest.raises(NoCapacityError) as raised:
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False)
    assert "us-east-1b: 9 USD; allowed: at most 5 USD (rule cost-within-budget" in raised.value.what


def test_what_policies_refuse_in_the_first_place_is_refused(stack: Mock) -> None:
    stack.up.side_effect = refusal()
    with pytest.raises(PolicyViolationError):
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False)
    assert stack.up.call_count == 1


def test_another_error_is_not_taken_for_no_capacity(stack: Mock) -> None:
    stack.up.side_effect = AccessDeniedError("no", code="UnauthorizedOperation")
    with pytest.raises(AccessDeniedError):
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False)
    assert stack.up.call_count == 1


def test_protection_begins_once_placed(stack: Mock) -> None:
    wanted = Protection(volumes={"data": True})
    before = stack_config(protection=Protection(volumes={"data": False}))
    assert protect_when_placed(stack, before, wanted, Told()).protection == wanted
    assert '"data":true' in stack.set_config.call_args.args[0]["runctl:protection"]
    stack.up.assert_called_once_with()


def test_protection_that_holds_needs_nothing(stack: Mock) -> None:
    wanted = Protection(volumes={"data": True})
    protect_when_placed(stack, stack_config(protection=wanted), wanted, Told())
    stack.up.assert_not_called()
