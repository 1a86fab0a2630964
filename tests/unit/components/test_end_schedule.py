"""The schedule that ends a machine: one machine, at its time, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support.declared import MADE_AT, Declarations, declarations_of

from components.end_schedule import EndSchedule, EndScheduleArgs, ending_policy, expression, trust_policy
from components.naming import Names
from sandbox.aws.cloud.role_access import trusts

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NAMES = Names(account="123456789012", region="eu-west-1", project="runctl", job="digits")
ARGS = EndScheduleArgs(
    names=NAMES,
    partition="aws",
    instance_id="i-1",
    after_seconds=4800,
    permissions_boundary="arn:aws:iam::123456789012:policy/bound",
    tags={"team": "nlp"},
)
GROUP, SCHEDULE = "aws:scheduler/scheduleGroup:ScheduleGroup", "aws:scheduler/schedule:Schedule"
INSTANCE_ARN = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"


def declared(args: EndScheduleArgs = ARGS) -> Declarations:
    return declarations_of(lambda: EndSchedule("digits-end", args) and None)


@pytest.fixture(scope="module")
def found() -> Declarations:
    return declared()


def inputs(found: Declarations, name: str) -> dict[str, Any]:
    return found.named(f"digits-end-{name}").inputs


def test_it_is_a_group_a_role_its_policy_and_a_schedule(found: Declarations) -> None:
    assert found.types == {
        "digits-end": "runctl:aws:EndSchedule",
        "digits-end-group": GROUP,
        "digits-end-role": "aws:iam/role:Role",
        "digits-end-policy": "aws:iam/rolePolicy:RolePolicy",
        "digits-end-schedule": SCHEDULE,
    }
    assert not any(each.protect for each in found.resources)


def test_it_terminates_the_machine_once_at_its_time_in_utc(found: Declarations) -> None:
    schedule = inputs(found, "schedule")
    assert MADE_AT == "2026-11-22T10:00:00Z"
    assert schedule["scheduleExpression"] == "at(2026-11-22T11:20:00)"
    assert schedule["scheduleExpressionTimezone"] == "UTC"
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    assert schedule["actionAfterCompletion"] == "NONE"
    target = schedule["target"]
    assert target["arn"] == "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances"
    assert json.loads(target["input"]) == {"InstanceIds": ["i-1"]}
    assert target["roleArn"] == "arn:digits-end-role"
    assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 10}


def test_its_role_may_end_that_machine_for_that_group_and_nothing_else(found: Declarations) -> None:
    assert json.loads(inputs(found, "policy")["policy"]) == ending_policy(INSTANCE_ARN)
    assert ending_policy(INSTANCE_ARN)["Statement"] == [
        {
            "Sid": "EndOneMachine",
            "Effect": "Allow",
            "Action": ["ec2:TerminateInstances"],
            "Resource": [INSTANCE_ARN],
        }
    ]
    role = inputs(found, "role")
    groups = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/runctl-digits-timer-????????"
    trust = trust_policy("123456789012", groups)
    assert json.loads(role["assumeRolePolicy"]) == trust
    assert trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnLike": {"aws:SourceArn": groups},
            },
        }
    ]
    assert role["permissionsBoundary"] == ARGS.permissions_boundary


def test_the_role_has_its_permission_before_there_is_a_schedule(found: Declarations) -> None:
    needed = found.named("digits-end-schedule").dependencies
    assert needed >= {"digits-end-policy", "digits-end-role", "digits-end-group"}


def test_what_can_carry_tags_carries_the_jobs(found: Declarations) -> None:
    assert inputs(found, "group")["tags"] == inputs(found, "role")["tags"] == {"team": "nlp"}


def names_of(args: EndScheduleArgs) -> dict[str, str]:
    return {each.name: each.inputs["name"] for each in declared(args).resources if "name" in each.inputs}


def test_another_machine_has_another_group_and_the_same_role() -> None:
    """A new group has a new time; a role is one for all regions, so that its name has to tell the region."""
    first = names_of(ARGS)
    assert names_of(replace(ARGS, after_seconds=1, tags={})) == first
    second = names_of(replace(ARGS, instance_id="i-2"))
    assert {name for name in first if first[name] != second[name]} == {"digits-end-group"}
    assert first["digits-end-role"] == NAMES.name("end", limit=64)


@pytest.mark.parametrize(("job", "trusted"), [("digits", True), ("digits-timer-x", False), ("digit", False)])
@pytest.mark.parametrize("length", [0, 40])
def test_the_role_is_for_all_groups_of_its_job_and_for_none_of_another(
    job: str, trusted: bool, length: int
) -> None:
    mine, theirs = (replace(NAMES, job=name.ljust(length, "x")) for name in ("digits", job))
    role = inputs(declared(replace(ARGS, names=mine)), "role")
    group = inputs(declared(replace(ARGS, names=theirs, instance_id="i-9")), "group")["name"]
    context = {
        "aws:SourceAccount": "123456789012",
        "aws:SourceArn": f"arn:aws:scheduler:eu-west-1:123456789012:schedule-group/{group}",
    }
    assert trusts(role["assumeRolePolicy"], "scheduler.amazonaws.com", context) is trusted


def test_names_fit_into_what_the_services_take() -> None:
    long = replace(ARGS, names=replace(NAMES, job="j" * 40))
    assert {name for name in names_of(long).values() if len(name) > 64} == set()


@pytest.mark.parametrize(
    ("made_at", "due"),
    [
        ("2026-12-31T23:59:30Z", "at(2027-01-01T00:00:30)"),
        ("2026-12-31T23:59:30+00:00", "at(2027-01-01T00:00:30)"),
        ("2027-01-01T01:59:30.250000+02:00", "at(2027-01-01T00:00:30)"),
    ],
)
def test_times_are_whole_seconds_of_utc(made_at: str, due: str) -> None:
    assert expression(made_at, 60) == due


def test_another_partition_has_its_own_arns() -> None:
    china = declared(replace(ARGS, partition="aws-cn", names=replace(NAMES, region="cn-north-1")))
    assert inputs(china, "schedule")["target"]["arn"].startswith("arn:aws-cn:scheduler:::")
    (statement,) = json.loads(inputs(china, "policy")["policy"])["Statement"]
    assert statement["Resource"] == ["arn:aws-cn:ec2:cn-north-1:123456789012:instance/i-1"]
