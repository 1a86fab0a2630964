from typing import Any

import pytest
from botocore.exceptions import ClientError


def make_group(cloud: Any, name: str) -> str:
    return str(cloud.ec2.create_security_group(GroupName=name, Description=name)["GroupId"])


def interfaces(cloud: Any) -> list[str]:
    return [one["NetworkInterfaceId"] for one in cloud.ec2.describe_network_interfaces()["NetworkInterfaces"]]


def test_the_primary_interface_goes_with_its_instance(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    assert len(interfaces(cloud)) == 1
    cloud.terminate(instance_id)
    assert interfaces(cloud) == []
    assert cloud.describe(instance_id)["NetworkInterfaces"] == []


def test_an_interface_that_is_to_stay_stays(corrected: Any) -> None:
    subnet = corrected.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    wanted = {"DeviceIndex": 0, "SubnetId": subnet, "DeleteOnTermination": False}
    zone = corrected.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailabilityZone"]
    assert zone == "us-east-1a"
    instance_id = corrected.launch(NetworkInterfaces=[wanted])["InstanceId"]
    corrected.terminate(instance_id)
    assert len(interfaces(corrected)) == 1


def test_a_group_on_an_instance_cannot_be_deleted_until_it_is_terminated(cloud: Any) -> None:
    group = make_group(cloud, "job")
    instance_id = cloud.launch(SecurityGroupIds=[group])["InstanceId"]
    cloud.after(1)
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=group)
    cloud.ec2.terminate_instances(InstanceIds=[instance_id])
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=group)
    cloud.after(2)
    cloud.ec2.delete_security_group(GroupId=group)


def test_a_group_that_another_group_names_cannot_be_deleted(cloud: Any) -> None:
    named, naming = make_group(cloud, "named"), make_group(cloud, "naming")
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": named}]}
    cloud.ec2.authorize_security_group_ingress(GroupId=naming, IpPermissions=[rule])
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=named)
    cloud.ec2.delete_security_group(GroupId=naming)
    cloud.ec2.delete_security_group(GroupId=named)


def test_a_default_group_cannot_be_deleted(cloud: Any) -> None:
    found = cloud.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]
    with pytest.raises(ClientError, match="CannotDelete"):
        cloud.ec2.delete_security_group(GroupId=found["GroupId"])
