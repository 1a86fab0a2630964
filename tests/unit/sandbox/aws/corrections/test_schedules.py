from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT, REGION = "123456789012", "us-east-1"
GROUP_ARN = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/ours"
TARGET = "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances"


def role(cloud: Any, *, group: str = GROUP_ARN, service: str = "scheduler.amazonaws.com") -> str:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group}},
    }
    made = cloud.client("iam").create_role(
        RoleName="ends", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    return str(made["Role"]["Arn"])


def group(cloud: Any, name: str = "ours", **more: Any) -> None:
    cloud.client("scheduler").create_schedule_group(Name=name, **more)


def schedule(cloud: Any, role_arn: str, **more: Any) -> None:
    asked: dict[str, Any] = {
        "Name": "end",
        "GroupName": "ours",
        "ScheduleExpression": "at(2030-01-01T00:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": TARGET, "RoleArn": role_arn, "Input": '{"InstanceIds": ["i-1"]}'},
        **more,
    }
    cloud.client("scheduler").create_schedule(**asked)


def test_a_group_is_made_once(cloud: Any) -> None:
    group(cloud)
    with pytest.raises(ClientError, match="ConflictException"):
        group(cloud)


def test_a_group_that_is_not_there_cannot_be_deleted(cloud: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cloud.client("scheduler").delete_schedule_group(Name="none")


def test_a_schedule_needs_its_group(cloud: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        schedule(cloud, role(cloud))


def test_tags_go_with_their_group(cloud: Any) -> None:
    group(cloud, Tags=[{"Key": "a", "Value": "1"}])
    cloud.client("scheduler").delete_schedule_group(Name="ours")
    group(cloud)
    assert cloud.client("scheduler").list_tags_for_resource(ResourceArn=GROUP_ARN)["Tags"] == []


def test_schedules_go_with_their_group(corrected: Any) -> None:
    group(corrected)
    schedule(corrected, role(corrected))
    corrected.client("scheduler").delete_schedule_group(Name="ours")
    assert corrected.client("scheduler").list_schedules()["Schedules"] == []


@pytest.mark.parametrize(
    "trust",
    [
        {"group": GROUP_ARN.replace("ours", "theirs")},
        {"service": "ec2.amazonaws.com"},
    ],
)
def test_the_scheduler_must_be_allowed_to_assume_the_role(cloud: Any, trust: dict[str, str]) -> None:
    group(cloud)
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        schedule(cloud, role(cloud, **trust))


def test_a_role_that_is_not_there_is_refused(cloud: Any) -> None:
    group(cloud)
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        schedule(cloud, f"arn:aws:iam::{ACCOUNT}:role/none")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ScheduleExpression": "rate(5 minutes)"}, "rate"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}, "flexible"),
        ({"ScheduleExpressionTimezone": "Nowhere/There"}, "Nowhere"),
    ],
)
def test_what_would_never_be_due_here_is_refused_by_name(
    cloud: Any, change: dict[str, Any], named: str
) -> None:
    group(cloud)
    with pytest.raises(ClientError, match=named):
        schedule(cloud, role(cloud), **change)


def test_an_update_says_what_comes_after(cloud: Any) -> None:
    group(cloud)
    arn = role(cloud)
    schedule(cloud, arn, ActionAfterCompletion="NONE")
    client = cloud.client("scheduler")
    client.update_schedule(
        Name="end",
        GroupName="ours",
        ScheduleExpression="at(2031-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": TARGET, "RoleArn": arn, "Input": '{"InstanceIds": ["i-2"]}'},
        ActionAfterCompletion="DELETE",
    )
    assert client.get_schedule(Name="end", GroupName="ours")["ActionAfterCompletion"] == "DELETE"


def test_the_tagging_list_knows_groups(cloud: Any) -> None:
    group(cloud, Tags=[{"Key": "runctl:job", "Value": "digits"}])
    group(cloud, "others", Tags=[{"Key": "team", "Value": "x"}])
    found = cloud.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "runctl:job"}], ResourceTypeFilters=["scheduler:schedule-group"]
    )["ResourceTagMappingList"]
    assert found == [{"ResourceARN": GROUP_ARN, "Tags": [{"Key": "runctl:job", "Value": "digits"}]}]
