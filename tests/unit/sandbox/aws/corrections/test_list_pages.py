"""Lists come in pages, as long as asked for, whole when put together."""

from __future__ import annotations

from typing import Any

import pytest

TAGS = [{"Key": "t", "Value": "v"}]
TAGGED = [{"Name": "tag:t", "Values": ["v"]}]
TRUST = "{}"


def in_pages(call: Any, key: str, size: str, token: tuple[str, str], **parameters: Any) -> list[int]:
    """How many things each page of five held."""
    given, asked = token
    lengths = []
    following: dict[str, Any] = {}
    while True:
        page = call(**parameters, **following, **{size: 5})
        lengths.append(len(page[key]))
        if not page.get(given) or len(lengths) > 9:
            return lengths
        following = {asked: page[given]}


@pytest.mark.parametrize("count", [7])
def test_launch_templates(cloud: Any, count: int) -> None:
    for number in range(count):
        cloud.ec2.create_launch_template(
            LaunchTemplateName=f"t-{number}",
            LaunchTemplateData={"InstanceType": "t3.micro"},
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": TAGS}],
        )
    told = in_pages(
        cloud.ec2.describe_launch_templates,
        "LaunchTemplates",
        "MaxResults",
        ("NextToken", "NextToken"),
        Filters=TAGGED,
    )
    assert told == [5, 2]


def test_snapshots_in_pages_and_ones_own_only(cloud: Any) -> None:
    volume = cloud.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    for _ in range(6):
        cloud.ec2.create_snapshot(VolumeId=volume)
    told = in_pages(
        cloud.ec2.describe_snapshots,
        "Snapshots",
        "MaxResults",
        ("NextToken", "NextToken"),
        OwnerIds=["self"],
    )
    assert told == [5, 1]


def test_security_groups_and_interfaces(cloud: Any) -> None:
    groups = [
        cloud.ec2.create_security_group(GroupName=f"g-{number}", Description="x")["GroupId"]
        for number in range(7)
    ]
    told = in_pages(
        cloud.ec2.describe_security_groups,
        "SecurityGroups",
        "MaxResults",
        ("NextToken", "NextToken"),
        Filters=[{"Name": "group-id", "Values": groups}],
    )
    assert told == [5, 2]
    subnet = cloud.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    for _ in range(6):
        cloud.ec2.create_network_interface(SubnetId=subnet, Description="x")
    told = in_pages(
        cloud.ec2.describe_network_interfaces, "NetworkInterfaces", "MaxResults", ("NextToken", "NextToken")
    )
    assert told == [5, 1]


def test_roles_with_tags_and_instance_profiles(cloud: Any) -> None:
    iam = cloud.client("iam")
    for number in range(6):
        iam.create_role(RoleName=f"r-{number}", AssumeRolePolicyDocument=TRUST, Tags=TAGS)
        iam.create_instance_profile(InstanceProfileName=f"p-{number}")
    marker = ("Marker", "Marker")
    assert in_pages(
        iam.get_account_authorization_details, "RoleDetailList", "MaxItems", marker, Filter=["Role"]
    ) == [5, 1]
    assert in_pages(iam.list_instance_profiles, "InstanceProfiles", "MaxItems", marker) == [5, 1]


def test_buckets_in_pages_with_their_region(cloud: Any) -> None:
    for number in range(6):
        cloud.s3.create_bucket(Bucket=f"mine-{number}")
    token = ("ContinuationToken", "ContinuationToken")
    assert in_pages(cloud.s3.list_buckets, "Buckets", "MaxBuckets", token, Prefix="mine-") == [5, 1]
    assert {each["BucketRegion"] for each in cloud.s3.list_buckets()["Buckets"]} == {"us-east-1"}
    assert cloud.s3.list_buckets(BucketRegion="eu-west-1")["Buckets"] == []


def test_unfinished_uploads_in_pages_with_the_time_of_their_beginning(cloud: Any) -> None:
    cloud.s3.create_bucket(Bucket="mine")
    for number in range(6):
        cloud.s3.create_multipart_upload(Bucket="mine", Key=f"k-{number}")
    first = cloud.s3.list_multipart_uploads(Bucket="mine", MaxUploads=5)
    rest = cloud.s3.list_multipart_uploads(
        Bucket="mine", KeyMarker=first["NextKeyMarker"], UploadIdMarker=first["NextUploadIdMarker"]
    )
    assert [len(first["Uploads"]), len(rest["Uploads"])] == [5, 1]
    assert {each["Initiated"].timestamp() for each in first["Uploads"]} == {cloud.clock.now}


def test_parameters_in_pages_of_what_was_asked(cloud: Any) -> None:
    ssm = cloud.client("ssm")
    for number in range(6):
        ssm.put_parameter(Name=f"/runctl/j/{number}", Value="v", Type="String")
    under = [{"Key": "Path", "Option": "Recursive", "Values": ["/runctl"]}]
    told = in_pages(
        ssm.describe_parameters,
        "Parameters",
        "MaxResults",
        ("NextToken", "NextToken"),
        ParameterFilters=under,
    )
    assert told == [5, 1]
