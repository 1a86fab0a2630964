"""Applying: one place after another, only for want of capacity; protection once it is placed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from types import SimpleNamespace
from unittest.mock import Mock, create_autospec

import pytest
from support.job_stacks import FakeTime, Told, job_spec, placement, stack_config

from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import (
    AccessDeniedError,
    BalanceSpentError,
    NoCapacityError,
    PolicyViolationError,
    SubnetFullError,
    TakenBackError,
    Violation,
)
from runctl_auto.jobs.apply import (
    MOST_TAKEN_BACK,
    apply_in_first_place,
    clear_machines,
    protect_when_placed,
    settle_machine,
)
from runctl_auto.jobs.follow.follow import POLL_SECONDS
from runctl_auto.jobs.job import Job
from runctl_auto.providers.compute import Compute
from runctl_auto.providers.contract import Machine, Provider
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.trail import MOST_KEPT, RefusedPlace, trail_json

DONE = Changes({"create": 3})
SECOND = placement(zone="us-east-1b")
THIRD = placement(zone="us-east-1c", market="on-demand")


def settled() -> None:
    """No machine is left of the attempt before."""


def now() -> datetime:
    return datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def full() -> SubnetFullError:
    return SubnetFullError("full", code="InsufficientFreeAddressesInSubnet")


def no_capacity() -> NoCapacityError:
    return NoCapacityError("none", code="InsufficientInstanceCapacity")


def taken_back() -> TakenBackError:
    return TakenBackError("interrupted", code="SpotInstanceTermination")


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
    config, changes = apply_in_first_place(
        stack, stack_config(), [SECOND, THIRD], reporter, refresh=False, settle=settled, now=now
    )
    assert config.placement == SECOND
    assert changes == DONE
    assert zones_tried(stack) == ["us-east-1a", "us-east-1b"]
    assert reporter.said == [
        "t3.micro spot in us-east-1a: InsufficientInstanceCapacity; trying t3.micro spot in us-east-1b"
    ]


def test_others_are_not_asked_for_without_need(stack: Mock) -> None:
    stack.up.return_value = DONE

    def others() -> Iterator[Placement]:
        pytest.fail("asked")
        yield SECOND

    config, _ = apply_in_first_place(
        stack, stack_config(), others(), Told(), refresh=True, settle=settled, now=now
    )
    assert config.placement.zone == "us-east-1a"
    stack.up.assert_called_once_with(refresh=True)


def test_before_the_next_place_a_machine_that_ended_is_awaited_and_the_state_refreshed(stack: Mock) -> None:
    """A launch may succeed and the machine end at once: the state then names a machine that is gone."""
    order: list[str] = []
    stack.up.side_effect = [no_capacity(), no_capacity(), DONE]
    stack.set_config.side_effect = lambda values: order.append("configured")
    apply_in_first_place(
        stack,
        stack_config(),
        [SECOND, THIRD],
        Told(),
        refresh=False,
        settle=lambda: order.append("settled"),
        now=now,
    )
    assert [call.kwargs["refresh"] for call in stack.up.call_args_list] == [False, True, True]
    assert order == ["configured", "settled", "configured", "settled", "configured"]


def test_a_machine_that_is_interrupted_at_once_is_launched_in_the_next_place(stack: Mock) -> None:
    stack.up.side_effect = [taken_back(), DONE]
    config, _ = apply_in_first_place(
        stack, stack_config(), [SECOND], Told(), refresh=False, settle=settled, now=now
    )
    assert config.placement == SECOND
    assert [(each.zone, each.code) for each in config.trail] == [("us-east-1a", "SpotInstanceTermination")]


def test_the_only_place_is_tried_again_after_an_interruption(stack: Mock) -> None:
    stack.up.side_effect = [taken_back(), taken_back(), DONE]
    config, _ = apply_in_first_place(
        stack, stack_config(), [], Told(), refresh=False, settle=settled, now=now
    )
    assert config.placement == stack_config().placement
    assert len(config.trail) == 2


def test_what_takes_every_machine_back_is_given_up(stack: Mock) -> None:
    stack.up.side_effect = lambda **_: (_ for _ in ()).throw(taken_back())
    with pytest.raises(NoCapacityError) as raised:
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False, settle=settled, now=now)
    assert zones_tried(stack)[:-1] == ["us-east-1a", "us-east-1b"] * MOST_TAKEN_BACK
    assert len(raised.value.trail) == 2 * MOST_TAKEN_BACK


def test_a_place_without_capacity_is_not_tried_again_for_an_earlier_interruption(stack: Mock) -> None:
    stack.up.side_effect = [taken_back(), no_capacity(), no_capacity(), DONE]
    with pytest.raises(NoCapacityError):
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False, settle=settled, now=now)
    assert zones_tried(stack)[:-1] == ["us-east-1a", "us-east-1b", "us-east-1a"]


def subnets_tried(stack: Mock, *others: Placement, failures: list[NoCapacityError]) -> list[str]:
    stack.up.side_effect = [*failures, DONE]
    apply_in_first_place(stack, stack_config(), others, Told(), refresh=False, settle=settled, now=now)
    placements = [json.loads(call.args[0]["runctl:placement"]) for call in stack.set_config.call_args_list]
    return [each["subnet"] for each in placements]


OTHER_SUBNET = placement(subnet="subnet-2")
OTHER_TYPE = placement(instance_type="m5.large")


def test_a_full_subnet_is_passed_over_for_another_of_its_zone(stack: Mock) -> None:
    assert subnets_tried(stack, OTHER_TYPE, OTHER_SUBNET, failures=[full()]) == ["subnet-1", "subnet-2"]


def test_without_capacity_another_subnet_of_the_zone_is_passed_over(stack: Mock) -> None:
    third = placement(subnet="subnet-3", zone="us-east-1b")
    assert subnets_tried(stack, OTHER_SUBNET, third, failures=[no_capacity()]) == ["subnet-1", "subnet-3"]


def test_a_full_subnet_is_told(stack: Mock) -> None:
    stack.up.side_effect = [full(), DONE]
    reporter = Told()
    apply_in_first_place(
        stack, stack_config(), [OTHER_SUBNET], reporter, refresh=False, settle=settled, now=now
    )
    assert reporter.said == [
        "t3.micro spot in us-east-1a: InsufficientFreeAddressesInSubnet; trying t3.micro spot in us-east-1a"
    ]


def test_only_a_machine_that_the_state_names_is_awaited() -> None:
    job = create_autospec(Job, instance=True)
    time = FakeTime()
    job.session = SimpleNamespace(time=time)
    job.provider = create_autospec(Provider, instance=True)
    job.compute.return_value = Compute()
    settle_machine(job)
    job.machine.assert_not_called()
    job.compute.return_value = Compute(("i-1",))
    job.machine.return_value = Machine("i-1", "shutting-down")
    job.provider.machine.side_effect = [Machine("i-1", "shutting-down"), Machine("i-1", "terminated")]
    settle_machine(job)
    assert time.now == 2 * POLL_SECONDS


def test_no_capacity_anywhere_tells_all_reasons(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), NoCapacityError("x", code="VcpuLimitExceeded")]
    with pytest.raises(NoCapacityError) as raised:
        apply_in_first_place(stack, stack_config(), [THIRD], Told(), refresh=False, settle=settled, now=now)
    assert "t3.micro spot in us-east-1a: InsufficientInstanceCapacity" in raised.value.what
    assert "t3.micro on-demand in us-east-1c: VcpuLimitExceeded" in raised.value.what


def test_the_trail_is_kept_before_the_next_place_is_tried(stack: Mock) -> None:
    """A command that is killed leaves what it knows."""
    before = RefusedPlace(
        instance_type="t3.micro",
        market="spot",
        zone="us-east-1f",
        subnet="subnet-9",
        code="SpotMaxPriceTooLow",
        reason="too low",
        at="2026-01-30T00:00:00Z",
    )
    stack.up.side_effect = [no_capacity(), DONE]
    config, _ = apply_in_first_place(
        stack, stack_config(trail=(before,)), [SECOND], Told(), refresh=False, settle=settled, now=now
    )
    kept = [json.loads(call.args[0]["runctl:trail"]) for call in stack.set_config.call_args_list]
    assert [len(each) for each in kept] == [1, 2]
    assert [each["code"] for each in kept[1]] == ["SpotMaxPriceTooLow", "InsufficientInstanceCapacity"]
    assert kept[1][1]["at"] == "2026-01-31T12:00:00Z"
    assert kept[1] == trail_json(config.trail)


def test_when_all_refuse_the_trail_is_in_the_error_and_kept(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), full()]
    with pytest.raises(NoCapacityError) as raised:
        apply_in_first_place(stack, stack_config(), [THIRD], Told(), refresh=False, settle=settled, now=now)
    codes = ["InsufficientInstanceCapacity", "InsufficientFreeAddressesInSubnet"]
    assert [each["code"] for each in raised.value.trail] == codes
    assert raised.value.as_json()["trail"] == list(raised.value.trail)
    kept = json.loads(stack.set_config.call_args.args[0]["runctl:trail"])
    assert [each["code"] for each in kept] == codes


def test_the_trail_is_bounded(stack: Mock) -> None:
    places = [placement(zone=f"us-east-1{chr(97 + index)}") for index in range(20)]
    config = stack_config()
    for _ in range(3):
        stack.up.side_effect = [no_capacity()] * 20
        with pytest.raises(NoCapacityError):
            apply_in_first_place(stack, config, places[1:], Told(), refresh=False, settle=settled, now=now)
        config = StackConfig.from_values(stack.set_config.call_args.args[0])
    assert len(config.trail) == MOST_KEPT


def refusal() -> PolicyViolationError:
    violation = Violation(
        rule="cost-within-budget", resource="digits", found="9 USD", allowed="at most 5 USD"
    )
    return PolicyViolationError("refused", violations=[violation])


def test_another_place_that_policies_refuse_is_passed_over(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), refusal(), DONE]
    config, _ = apply_in_first_place(
        stack, stack_config(), [SECOND, THIRD], Told(), refresh=False, settle=settled, now=now
    )
    assert config.placement == THIRD


def test_why_policies_refuse_a_place_is_among_the_reasons(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), refusal()]
    with pytest.raises(NoCapacityError) as raised:
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False, settle=settled, now=now)
    assert "us-east-1b: 9 USD; allowed: at most 5 USD (rule cost-within-budget" in raised.value.what


def test_what_policies_refuse_in_the_first_place_is_refused(stack: Mock) -> None:
    stack.up.side_effect = refusal()
    with pytest.raises(PolicyViolationError):
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False, settle=settled, now=now)
    assert stack.up.call_count == 1


def test_another_error_is_not_taken_for_no_capacity(stack: Mock) -> None:
    stack.up.side_effect = AccessDeniedError("no", code="UnauthorizedOperation")
    with pytest.raises(AccessDeniedError):
        apply_in_first_place(stack, stack_config(), [SECOND], Told(), refresh=False, settle=settled, now=now)
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


def test_of_several_machines_none_is_left_where_one_is_refused(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), no_capacity(), DONE]
    cleared: list[int] = []
    config = stack_config(job=job_spec(nodes=3))
    done, _ = apply_in_first_place(
        stack, config, [SECOND, THIRD], Told(), refresh=False, settle=settled, now=now,
        clear=lambda: cleared.append(stack.up.call_count),
    )  # fmt: skip
    assert cleared == [1, 2], "before the next place is tried"
    assert done.placement == THIRD


def test_the_machines_that_were_made_are_ended_and_leave_the_state() -> None:
    job = create_autospec(Job, instance=True)
    time = FakeTime()
    job.session = SimpleNamespace(time=time, reporter=Told())
    job.provider = create_autospec(Provider, instance=True)
    job.stack = create_autospec(JobStack, instance=True)
    job.compute.return_value = Compute()
    clear_machines(job)
    job.provider.terminate.assert_not_called()
    job.compute.return_value = Compute(("i-1", "i-2"))
    job.provider.machines.return_value = {
        "i-1": Machine("i-1", "shutting-down"),
        "i-2": Machine("i-2", "terminated"),
    }
    job.provider.machine.side_effect = [Machine("i-1", "terminated")]
    clear_machines(job)
    job.provider.terminate.assert_called_once_with(["i-1", "i-2"])
    job.stack.refresh.assert_called_once_with()
    assert time.now == POLL_SECONDS


ON_BOTH = {"providers": ["aws", "runpod"], "resources": {"gpu": "A40:1"}}
POD = placement(
    provider="runpod", instance_type="nvidia-a40.1", zone="EU-RO-1", subnet="", market="on-demand"
)
OTHER_POD = replace(POD, zone="US-KS-2")


def no_money() -> BalanceSpentError:
    return BalanceSpentError("spent", code="402")


def test_the_trail_crosses_providers(stack: Mock) -> None:
    stack.up.side_effect = [no_capacity(), NoCapacityError("full", code="400"), DONE]
    reporter = Told()
    config, _ = apply_in_first_place(
        stack,
        stack_config(job=job_spec(**ON_BOTH)),
        [POD, OTHER_POD],
        reporter,
        refresh=False,
        settle=settled,
        now=now,
    )
    assert config.placement == OTHER_POD
    assert [(each["provider"], each["code"]) for each in trail_json(config.trail)] == [
        ("aws", "InsufficientInstanceCapacity"),
        ("runpod", "400"),
    ]
    assert reporter.said[0].endswith("trying nvidia-a40.1 on-demand in EU-RO-1 (RunPod)")
    assert reporter.said[1].startswith("nvidia-a40.1 on-demand in EU-RO-1 (RunPod): 400")


def test_without_money_at_one_provider_its_other_places_are_passed_over(stack: Mock) -> None:
    stack.up.side_effect = [no_money(), DONE]
    config = stack_config(job=job_spec(**{**ON_BOTH, "providers": ["runpod", "aws"]}), placement=POD)
    found, _ = apply_in_first_place(
        stack, config, [OTHER_POD, SECOND], Told(), refresh=False, settle=settled, now=now
    )
    assert found.placement == SECOND
    assert [each.code for each in found.trail] == ["402"]
    stack.up.side_effect = [no_money()]
    with pytest.raises(NoCapacityError) as raised:
        apply_in_first_place(stack, config, [OTHER_POD], Told(), refresh=False, settle=settled, now=now)
    assert "402" in raised.value.what


def test_without_money_at_the_only_provider_nothing_else_is_tried(stack: Mock) -> None:
    stack.up.side_effect = [no_money()]
    config = stack_config(job=job_spec(provider="runpod"), placement=POD)
    with pytest.raises(BalanceSpentError):
        apply_in_first_place(stack, config, [OTHER_POD], Told(), refresh=False, settle=settled, now=now)
