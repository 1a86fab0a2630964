from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ASSUME = '{"Version": "2012-10-17", "Statement": []}'


def read_instance(cloud: Any) -> Callable[[], Any]:
    instance_id = cloud.launch()["InstanceId"]
    return lambda: cloud.describe(instance_id)


def read_volume(cloud: Any) -> Callable[[], Any]:
    made = cloud.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    return lambda: cloud.ec2.describe_volumes(VolumeIds=[made])


def read_group(cloud: Any) -> Callable[[], Any]:
    made = cloud.ec2.create_security_group(GroupName="g", Description="g")["GroupId"]
    return lambda: cloud.ec2.describe_security_groups(GroupIds=[made])


def read_spot_request(cloud: Any) -> Callable[[], Any]:
    made = cloud.launch_spot()["SpotInstanceRequestId"]
    return lambda: cloud.ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[made])


def read_role(cloud: Any) -> Callable[[], Any]:
    iam = cloud.client("iam")
    iam.create_role(RoleName="job", AssumeRolePolicyDocument=ASSUME)
    return lambda: iam.get_role(RoleName="job")


def read_profile(cloud: Any) -> Callable[[], Any]:
    iam = cloud.client("iam")
    iam.create_instance_profile(InstanceProfileName="job")
    return lambda: iam.get_instance_profile(InstanceProfileName="job")


@pytest.mark.parametrize(
    "make", [read_instance, read_volume, read_group, read_spot_request, read_role, read_profile]
)
def test_a_fresh_object_is_not_seen_until_the_delay_is_over(
    cloud: Any, make: Callable[[Any], Callable[[], Any]]
) -> None:
    cloud.consistency.delay_seconds = 2
    read = make(cloud)
    with pytest.raises(ClientError, match=r"NotFound|NoSuchEntity"):
        read()
    cloud.after(2.1)
    read()


def test_lists_leave_fresh_objects_out(cloud: Any) -> None:
    cloud.consistency.delay_seconds = 2
    cloud.launch()
    assert cloud.ec2.describe_instances()["Reservations"] == []
    assert cloud.ec2.describe_volumes()["Volumes"] == []
    cloud.after(2.1)
    assert len(cloud.ec2.describe_instances()["Reservations"]) == 1
    assert len(cloud.ec2.describe_volumes()["Volumes"]) == 1


def test_a_launch_with_a_fresh_profile_fails_and_later_works(cloud: Any) -> None:
    cloud.consistency.delay_seconds = 2
    iam = cloud.client("iam")
    iam.create_role(RoleName="job", AssumeRolePolicyDocument=ASSUME)
    iam.create_instance_profile(InstanceProfileName="job")
    iam.add_role_to_instance_profile(InstanceProfileName="job", RoleName="job")
    with pytest.raises(ClientError, match="Invalid IAM Instance Profile"):
        cloud.launch(IamInstanceProfile={"Name": "job"})
    cloud.after(2.1)
    cloud.launch(IamInstanceProfile={"Name": "job"})


def test_without_a_delay_everything_is_seen_at_once(corrected: Any) -> None:
    read_instance(corrected)()
    read_role(corrected)()
