from typing import Any

import pytest
from botocore.exceptions import ClientError

ASSUME = '{"Version": "2012-10-17", "Statement": []}'


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, r"InvalidAMIID\.NotFound"),
        ({"ImageId": "ubuntu"}, r"InvalidAMIID\.Malformed"),
        ({"InstanceType": "z9.huge"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
        ({"Placement": {"AvailabilityZone": "us-east-1e"}}, "Unsupported"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
        (
            {"IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/nobody"}},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_launch_that_ec2_refuses(cloud: Any, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        cloud.launch(**asked)
    assert cloud.ec2.describe_instances()["Reservations"] == []


def test_user_data_of_the_most_bytes_is_taken(corrected: Any) -> None:
    assert corrected.launch(UserData="x" * 16384)["State"]["Name"] == "pending"


def test_an_instance_profile_needs_a_role(cloud: Any) -> None:
    iam = cloud.client("iam")
    iam.create_instance_profile(InstanceProfileName="job")
    with pytest.raises(ClientError, match="has no associated IAM Roles"):
        cloud.launch(IamInstanceProfile={"Name": "job"})


def test_an_instance_with_a_profile_shows_it(corrected: Any) -> None:
    iam = corrected.client("iam")
    iam.create_instance_profile(InstanceProfileName="job")
    iam.create_role(RoleName="job", AssumeRolePolicyDocument=ASSUME)
    iam.add_role_to_instance_profile(InstanceProfileName="job", RoleName="job")
    instance_id = corrected.launch(IamInstanceProfile={"Name": "job"})["InstanceId"]
    shown = corrected.describe(instance_id)["IamInstanceProfile"]["Arn"]
    assert shown.endswith(":instance-profile/job")


def test_without_subnet_and_groups_the_defaults_are_taken(cloud: Any) -> None:
    instance = cloud.launch(Placement={"AvailabilityZone": "us-east-1c"})
    subnet = cloud.ec2.describe_subnets(SubnetIds=[instance["SubnetId"]])["Subnets"][0]
    assert (subnet["AvailabilityZone"], subnet["DefaultForAz"]) == ("us-east-1c", True)
    assert instance["PrivateIpAddress"].startswith("172.31.")
    assert [group["GroupName"] for group in instance["SecurityGroups"]] == ["default"]


def test_every_zone_has_a_default_subnet(corrected: Any) -> None:
    zones = {zone["ZoneName"] for zone in corrected.ec2.describe_availability_zones()["AvailabilityZones"]}
    subnets = corrected.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    assert {subnet["AvailabilityZone"] for subnet in subnets["Subnets"]} == zones
