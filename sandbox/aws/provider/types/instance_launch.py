"""RunInstances parameters for an `aws.ec2.Instance`."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.types import ec2_tags

Parameters = dict[str, Any]


def launch_parameters(cloud: Cloud, inputs: Mapping[str, Any]) -> Parameters:
    """The parameters of the call, without None values."""
    given: Parameters = {
        "BlockDeviceMappings": _block_devices(cloud, inputs) or None,
        "ClientToken": str(uuid.uuid4()),
        "DisableApiStop": inputs.get("disableApiStop"),
        "DisableApiTermination": inputs.get("disableApiTermination"),
        "EbsOptimized": inputs.get("ebsOptimized"),
        "IamInstanceProfile": _named(inputs.get("iamInstanceProfile")),
        "ImageId": inputs.get("ami"),
        "InstanceInitiatedShutdownBehavior": inputs.get("instanceInitiatedShutdownBehavior"),
        "InstanceMarketOptions": _market_options(inputs.get("instanceMarketOptions")),
        "InstanceType": inputs.get("instanceType"),
        "KeyName": inputs.get("keyName"),
        "LaunchTemplate": template_specification(inputs.get("launchTemplate")),
        "MaxCount": 1,
        "MetadataOptions": metadata_options(inputs.get("metadataOptions")),
        "MinCount": 1,
        "Monitoring": {"Enabled": inputs["monitoring"]} if "monitoring" in inputs else None,
        "Placement": _placement(inputs),
        "TagSpecifications": _tag_specifications(inputs),
        "UserData": user_data_to_send(inputs),
        **_network(inputs),
    }
    return {name: value for name, value in given.items() if value is not None}


def user_data_to_send(inputs: Mapping[str, Any]) -> bytes | None:
    """Decoded user data: botocore encodes it. Text that is base64 already is not encoded twice."""
    if inputs.get("userDataBase64"):
        return base64.b64decode(inputs["userDataBase64"])
    text = inputs.get("userData")
    if not text:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return str(text).encode()


def metadata_options(options: Mapping[str, Any] | None) -> Parameters | None:
    """The instance metadata options in the service's format; None when there are none."""
    if not options:
        return None
    return {
        name[0].upper() + name[1:]: value
        for name, value in options.items()
        if value is not None and not name.startswith("__")
    }


def _named(profile: str | None) -> Parameters | None:
    return {"Name": profile} if profile else None


def template_specification(template: Mapping[str, Any] | None) -> Parameters | None:
    """How a call names a launch template: by its id if that is stated."""
    if not template:
        return None
    named = {
        "LaunchTemplateId": template.get("id"),
        "LaunchTemplateName": None if template.get("id") else template.get("name"),
        "Version": template.get("version"),
    }
    return {name: value for name, value in named.items() if value}


def _placement(inputs: Mapping[str, Any]) -> Parameters | None:
    placement = {
        "AvailabilityZone": inputs.get("availabilityZone"),
        "GroupName": inputs.get("placementGroup"),
        "Tenancy": inputs.get("tenancy"),
    }
    return {name: value for name, value in placement.items() if value} or None


def _market_options(options: Mapping[str, Any] | None) -> Parameters | None:
    if not options:
        return None
    spot = options.get("spotOptions") or {}
    spot_options = {
        "InstanceInterruptionBehavior": spot.get("instanceInterruptionBehavior"),
        "MaxPrice": spot.get("maxPrice"),
        "SpotInstanceType": spot.get("spotInstanceType"),
        "ValidUntil": spot.get("validUntil"),
    }
    market = {"MarketType": options.get("marketType")}
    stated = {name: value for name, value in spot_options.items() if value}
    return {
        **{name: value for name, value in market.items() if value},
        **({"SpotOptions": stated} if stated else {}),
    }


def _network(inputs: Mapping[str, Any]) -> Parameters:
    groups = inputs.get("vpcSecurityGroupIds") or None
    if "associatePublicIpAddress" not in inputs:
        return {
            "SubnetId": inputs.get("subnetId"),
            "SecurityGroupIds": groups,
            "PrivateIpAddress": inputs.get("privateIp"),
        }
    interface = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": inputs["associatePublicIpAddress"],
        "SubnetId": inputs.get("subnetId"),
        "Groups": groups,
        "PrivateIpAddress": inputs.get("privateIp"),
    }
    return {"NetworkInterfaces": [{name: value for name, value in interface.items() if value is not None}]}


def _tag_specifications(inputs: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    specifications = [
        *(ec2_tags.specification("instance", inputs.get("tagsAll")) or ()),
        *(ec2_tags.specification("volume", inputs.get("volumeTags")) or ()),
    ]
    return specifications or None


def _block_devices(cloud: Cloud, inputs: Mapping[str, Any]) -> list[Parameters]:
    devices = [
        {"DeviceName": device["deviceName"], "Ebs": _ebs(device)}
        for device in inputs.get("ebsBlockDevices") or ()
    ]
    root = inputs.get("rootBlockDevice")
    if root:
        name = root.get("deviceName") or _root_device_name(cloud, inputs.get("ami"))
        devices.insert(0, {"DeviceName": name, "Ebs": _ebs(root)})
    return devices


def _ebs(device: Mapping[str, Any]) -> Parameters:
    ebs = {
        "DeleteOnTermination": device.get("deleteOnTermination"),
        "Encrypted": device.get("encrypted"),
        "Iops": device.get("iops"),
        "KmsKeyId": device.get("kmsKeyId"),
        "SnapshotId": device.get("snapshotId"),
        "Throughput": device.get("throughput"),
        "VolumeSize": device.get("volumeSize"),
        "VolumeType": device.get("volumeType"),
    }
    return {name: value for name, value in ebs.items() if value is not None}


def _root_device_name(cloud: Cloud, image: str | None) -> str:
    images = cloud.call(
        "ec2", "describe_images", f"reading EC2 AMI ({image})", ImageIds=[image] if image else None
    )["Images"]
    return str(images[0]["RootDeviceName"])
