"""Auto Scaling groups of one: what they have, what they tried, and their end."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.machine_groups import end_group, find_groups, last_launches
from runctl_auto.providers.contract import Launch, MachineGroup

AT = datetime(2026, 11, 30, tzinfo=timezone.utc)


class AutoScaling:
    """Answers as Auto Scaling does: unknown names are left out of lists, and are errors elsewhere."""

    def __init__(self, *groups: str, activities: list[dict[str, Any]] | None = None) -> None:
        self.groups = groups
        self.activities = activities or []
        self.asked: list[int] = []
        self.refusal = ""

    def describe_auto_scaling_groups(self, AutoScalingGroupNames: list[str]) -> Any:
        self.asked.append(len(AutoScalingGroupNames))
        found = [each for each in AutoScalingGroupNames if each in self.groups]
        return {
            "AutoScalingGroups": [
                {
                    "AutoScalingGroupName": each,
                    "DesiredCapacity": 1,
                    "Instances": [{"InstanceId": f"i-of-{each}"}],
                }
                for each in found
            ]
        }

    def describe_scaling_activities(self, AutoScalingGroupName: str, MaxRecords: int) -> Any:
        if AutoScalingGroupName not in self.groups:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": ""}}, "Describe")
        return {"Activities": self.activities[:MaxRecords]}

    def set_desired_capacity(self, AutoScalingGroupName: str, DesiredCapacity: int) -> Any:
        assert DesiredCapacity == 0
        if AutoScalingGroupName not in self.groups:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": ""}}, "Set")
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": ""}}, "Set")
        return {}


def cloud_of(service: AutoScaling) -> Cloud:
    return Cloud(lambda name, region: service, "us-east-1", sleep=lambda seconds: None)


def test_groups_are_found_by_name_and_few_requests() -> None:
    names = [f"g{number}" for number in range(120)]
    service = AutoScaling(*names[:-1])
    found = find_groups(cloud_of(service), names)
    assert set(found) == {*names[:-1]}
    assert found["g0"] == MachineGroup("g0", 1, ("i-of-g0",))
    assert service.asked == [50, 50, 20]


def activity(status: str, description: str, message: str = "") -> dict[str, Any]:
    return {
        "ActivityId": description,
        "StatusCode": status,
        "Description": description,
        "StatusMessage": message,
        "StartTime": AT,
    }


def test_launches_are_told_with_their_machine_or_why_they_failed() -> None:
    one, two = "Launching a new EC2 instance: i-0123456789abcdef0", "Launching a new EC2 instance"
    service = AutoScaling(
        "g",
        activities=[
            activity("Failed", two, "Could not launch Spot Instances.\nInsufficientInstanceCapacity"),
            activity("Successful", "Terminating EC2 instance: i-0123456789abcdef0"),
            activity("InProgress", one),
        ],
    )
    failed, launched = last_launches(cloud_of(service), "g")
    assert failed == Launch(
        two, AT, failure=r"Could not launch Spot Instances.\nInsufficientInstanceCapacity"
    )
    assert launched == Launch(one, AT, machine="i-0123456789abcdef0")


TOLD = "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity available."


@pytest.mark.parametrize(
    ("message", "details", "expected"),
    [
        (
            TOLD,
            '{"Subnet ID":"subnet-1","Availability Zone":"us-east-1b"}',
            ("InsufficientInstanceCapacity", "us-east-1b", "subnet-1"),
        ),
        (TOLD, "no JSON", ("InsufficientInstanceCapacity", None, None)),
        (TOLD, '["us-east-1b"]', ("InsufficientInstanceCapacity", None, None)),
        ("A different text. Launching EC2 instance failed.", '{"Availability Zone":3}', (None, None, None)),
    ],
)
def test_where_and_with_which_code_a_launch_failed(
    message: str, details: str, expected: tuple[str | None, ...]
) -> None:
    failed = {**activity("Failed", "Launching a new EC2 instance", message), "Details": details}
    (launch,) = last_launches(cloud_of(AutoScaling("g", activities=[failed])), "g")
    assert (launch.code, launch.zone, launch.subnet) == expected


def test_an_unknown_group_tried_nothing_and_has_ended() -> None:
    cloud = cloud_of(AutoScaling())
    assert last_launches(cloud, "g") == ()
    end_group(cloud, "g")


def test_a_group_that_exists_and_cannot_be_ended_is_an_error() -> None:
    service = AutoScaling("g")
    end_group(cloud_of(service), "g")
    service.refusal = "AccessDenied"
    with pytest.raises(CloudError):
        end_group(cloud_of(service), "g")
