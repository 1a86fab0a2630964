"""Resources that calls name, as policies see them."""

from __future__ import annotations

from sandbox.aws.cloud.scaling.groups import Activity, Group, Groups, Member
from sandbox.aws.cloud.tagged_resources import MotoResources

HERE = ("123456789012", "us-east-1")


def resources() -> MotoResources:
    arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1f:autoScalingGroupName/g"
    group = Group("g", arn, *HERE, 0.0, 0, 1, 1, {}, tags=[{"Key": "runctl:job", "Value": "j"}])
    activity = Activity("", "", 0.0, {})
    group.members["i-1"] = Member("i-1", "t3.micro", "us-east-1a", "ami-1", {}, activity)
    tables = {HERE: {"g": group}}
    return MotoResources(
        Groups(lambda account, region: tables.get((account, region), {}), lambda: list(tables.values()))
    )


def test_a_group_has_its_own_arn_and_tags() -> None:
    found = resources().group(*HERE, "g")
    assert found.arn.endswith(":autoScalingGroup:1f:autoScalingGroupName/g")
    assert found.tags == {"runctl:job": "j"}


def test_a_group_that_does_not_exist_is_judged_by_its_name() -> None:
    found = resources().group(*HERE, "other")
    assert found.arn.endswith("autoScalingGroupName/other")
    assert found.tags == {}


def test_a_machine_is_in_a_group_of_its_own_account_and_region() -> None:
    assert resources().group_of(*HERE, "i-1") == "g"
    assert resources().group_of(*HERE, "i-2") == ""
    assert resources().group_of(HERE[0], "eu-west-1", "i-1") == ""
