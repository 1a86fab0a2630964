from typing import Any

import pytest
from botocore.exceptions import ClientError


def make_volume(cloud: Any, zone: str = "us-east-1a", **more: Any) -> str:
    made = cloud.ec2.create_volume(AvailabilityZone=zone, Size=10, VolumeType="gp3", **more)
    return str(made["VolumeId"])


def volumes(cloud: Any) -> dict[str, dict[str, Any]]:
    return {volume["VolumeId"]: volume for volume in cloud.ec2.describe_volumes()["Volumes"]}


def running(cloud: Any, **more: Any) -> str:
    instance_id = cloud.launch(**more)["InstanceId"]
    cloud.after(1)
    return str(instance_id)


def attach(cloud: Any, volume: str, instance: str, device: str = "/dev/sdf") -> None:
    cloud.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)


def test_a_volume_attached_elsewhere_cannot_be_attached(cloud: Any) -> None:
    volume, first, second = make_volume(cloud), running(cloud), running(cloud)
    attach(cloud, volume, first)
    with pytest.raises(ClientError, match="VolumeInUse"):
        attach(cloud, volume, second)


def test_while_its_instance_shuts_down_a_volume_is_still_held(cloud: Any) -> None:
    volume, first, second = make_volume(cloud), running(cloud), running(cloud)
    attach(cloud, volume, first)
    cloud.ec2.terminate_instances(InstanceIds=[first])
    with pytest.raises(ClientError, match="VolumeInUse"):
        attach(cloud, volume, second)
    cloud.after(2)
    attach(cloud, volume, second)


def test_a_pending_instance_takes_no_volume(cloud: Any) -> None:
    volume, instance = make_volume(cloud), cloud.launch()["InstanceId"]
    with pytest.raises(ClientError, match="IncorrectState"):
        attach(cloud, volume, instance)


def test_zones_must_agree(cloud: Any) -> None:
    volume, instance = make_volume(cloud, "us-east-1b"), running(cloud)
    with pytest.raises(ClientError, match=r"InvalidVolume\.ZoneMismatch"):
        attach(cloud, volume, instance)


def test_a_device_is_taken_once(cloud: Any) -> None:
    first, second, instance = make_volume(cloud), make_volume(cloud), running(cloud)
    attach(cloud, first, instance)
    with pytest.raises(ClientError, match="already in use"):
        attach(cloud, second, instance)


def test_an_attached_volume_cannot_be_deleted(corrected: Any) -> None:
    volume, instance = make_volume(corrected), running(corrected)
    attach(corrected, volume, instance)
    with pytest.raises(ClientError, match="VolumeInUse"):
        corrected.ec2.delete_volume(VolumeId=volume)


def test_termination_detaches_data_volumes_and_deletes_the_root(cloud: Any) -> None:
    volume, instance = make_volume(cloud), running(cloud)
    attach(cloud, volume, instance)
    root = (volumes(cloud).keys() - {volume}).pop()
    cloud.ec2.terminate_instances(InstanceIds=[instance])
    assert volumes(cloud)[root]["State"] == "in-use"
    cloud.after(2)
    assert list(volumes(cloud)) == [volume]
    assert volumes(cloud)[volume]["State"] == "available"


def test_the_root_volume_follows_the_image_and_has_the_launch_tags(cloud: Any) -> None:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "runctl:job", "Value": "digits"}]}]
    instance = cloud.launch(TagSpecifications=tags)
    [root] = volumes(cloud).values()
    assert (root["Size"], root["VolumeType"], root["Tags"]) == (8, "gp3", tags[0]["Tags"])
    [mapping] = cloud.describe(instance["InstanceId"])["BlockDeviceMappings"]
    assert mapping["DeviceName"] == instance["RootDeviceName"] == "/dev/xvda"
    assert mapping["Ebs"]["DeleteOnTermination"] is True


def test_the_root_volume_takes_its_settings_from_the_launch(cloud: Any) -> None:
    asked = {"VolumeSize": 50, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250, "Encrypted": True}
    cloud.launch(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": asked}])
    [root] = volumes(cloud).values()
    assert {key: root[key if key != "VolumeSize" else "Size"] for key in asked} == asked


def test_the_root_volume_keeps_its_size_when_only_its_type_is_given(cloud: Any) -> None:
    cloud.launch(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp2"}}])
    [root] = volumes(cloud).values()
    assert (root["Size"], root["VolumeType"]) == (8, "gp2")


def test_a_root_smaller_than_the_image_is_refused(cloud: Any) -> None:
    with pytest.raises(ClientError, match="InvalidBlockDeviceMapping"):
        cloud.launch(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 4}}])


def test_other_devices_come_beside_the_root_and_go_unless_they_are_to_stay(cloud: Any) -> None:
    mappings = [
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20}},
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 30, "DeleteOnTermination": False}},
    ]
    instance = running(cloud, BlockDeviceMappings=mappings)
    assert sorted(volume["Size"] for volume in volumes(cloud).values()) == [8, 20, 30]
    cloud.terminate(instance)
    assert [volume["Size"] for volume in volumes(cloud).values()] == [30]


def test_volumes_have_the_figures_of_their_type(cloud: Any) -> None:
    gp3 = volumes(cloud).get(make_volume(cloud)) or volumes(cloud).popitem()[1]
    assert (gp3["Iops"], gp3["Throughput"]) == (3000, 125)


def test_volumes_come_in_pages(cloud: Any) -> None:
    made = {make_volume(cloud) for _ in range(7)}
    pages = list(cloud.ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["Volumes"]) for page in pages] == [5, 2]
    assert {volume["VolumeId"] for page in pages for volume in page["Volumes"]} == made
