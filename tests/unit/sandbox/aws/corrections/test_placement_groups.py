"""Placement groups, which the emulator lacks."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def tagged(**tags: str) -> list[dict[str, Any]]:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": "placement-group", "Tags": listed}]


def test_a_group_is_made_found_by_name_and_tag_and_deleted(corrected: Any) -> None:
    ec2 = corrected.ec2
    made = ec2.create_placement_group(
        GroupName="close", Strategy="cluster", TagSpecifications=tagged(job="digits")
    )["PlacementGroup"]
    assert made["GroupId"].startswith("pg-")
    assert made["GroupArn"].endswith(":placement-group/close")
    ec2.create_placement_group(GroupName="other", Strategy="spread")
    for asked in (
        {"GroupNames": ["close"]},
        {"GroupIds": [made["GroupId"]]},
        {"Filters": [{"Name": "tag:job", "Values": ["digits"]}]},
        {"Filters": [{"Name": "group-name", "Values": ["clo*"]}]},
    ):
        (found,) = ec2.describe_placement_groups(**asked)["PlacementGroups"]
        assert (found["GroupName"], found["State"], found["Strategy"]) == ("close", "available", "cluster")
    ec2.create_tags(Resources=[made["GroupId"]], Tags=[{"Key": "team", "Value": "nlp"}])
    (found,) = ec2.describe_placement_groups(GroupNames=["close"])["PlacementGroups"]
    assert {each["Key"]: each["Value"] for each in found["Tags"]} == {"job": "digits", "team": "nlp"}
    ec2.delete_placement_group(GroupName="close")
    with pytest.raises(ClientError, match=r"InvalidPlacementGroup\.Unknown"):
        ec2.describe_placement_groups(GroupNames=["close"])
    assert len(ec2.describe_placement_groups()["PlacementGroups"]) == 1


@pytest.mark.parametrize(
    ("call", "asked", "code"),
    [
        ("create_placement_group", {"GroupName": "close", "Strategy": "cluster"}, "Duplicate"),
        ("delete_placement_group", {"GroupName": "none"}, "Unknown"),
        ("describe_placement_groups", {"GroupIds": ["pg-0123"]}, "Unknown"),
    ],
)
def test_what_ec2_refuses(corrected: Any, call: str, asked: dict[str, Any], code: str) -> None:
    corrected.ec2.create_placement_group(GroupName="close", Strategy="cluster")
    with pytest.raises(ClientError, match=rf"InvalidPlacementGroup\.{code}"):
        getattr(corrected.ec2, call)(**asked)


def test_a_machine_in_a_group_keeps_it_from_being_deleted(corrected: Any) -> None:
    ec2 = corrected.ec2
    ec2.create_placement_group(GroupName="close", Strategy="cluster")
    machine = corrected.launch(InstanceType="c5.large", Placement={"GroupName": "close"})
    assert machine["Placement"]["GroupName"] == "close"
    (seen,) = ec2.describe_instances(InstanceIds=[machine["InstanceId"]])["Reservations"][0]["Instances"]
    assert seen["Placement"]["GroupId"].startswith("pg-")
    with pytest.raises(ClientError, match=r"InvalidPlacementGroup\.InUse"):
        ec2.delete_placement_group(GroupName="close")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"InstanceType": "t3.micro", "Placement": {"GroupName": "close"}}, "InvalidParameterCombination"),
        ({"InstanceType": "c5.large", "Placement": {"GroupName": "none"}}, "Unknown"),
        (
            {
                "InstanceType": "c5.large",
                "Placement": {"GroupName": "close", "AvailabilityZone": "us-east-1b"},
            },
            "InvalidParameterCombination",
        ),
    ],
)
def test_a_launch_into_a_cluster_that_ec2_refuses(corrected: Any, asked: dict[str, Any], code: str) -> None:
    corrected.ec2.create_placement_group(GroupName="close", Strategy="cluster")
    there = {"GroupName": "close", "AvailabilityZone": "us-east-1a"}
    corrected.launch(InstanceType="c5.large", Placement=there)
    with pytest.raises(ClientError, match=code):
        corrected.launch(**asked)
