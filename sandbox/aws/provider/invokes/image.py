"""Machine images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import RefusedError
from sandbox.aws.provider.invoke import Function
from sandbox.aws.provider.invokes.filters import to_service


def _ami(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = cloud.call(
        "ec2",
        "describe_images",
        "reading EC2 AMIs",
        ExecutableUsers=arguments.get("executableUsers"),
        Filters=to_service(arguments),
        IncludeDeprecated=arguments.get("includeDeprecated"),
        Owners=arguments.get("owners"),
    )["Images"]
    pattern = arguments.get("nameRegex")
    kept = [image for image in found if not pattern or re.search(pattern, image.get("Name") or "")]
    if not kept:
        raise RefusedError(
            "Your query returned no results. Please change your search criteria and try again."
        )
    if len(kept) > 1 and not arguments.get("mostRecent"):
        raise RefusedError(
            "Your query returned more than one result. Please try a more specific search criteria, "
            "or set `most_recent` attribute to true."
        )
    return _described(cloud, max(kept, key=lambda image: str(image.get("CreationDate", ""))), arguments)


def _described(cloud: Cloud, image: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    devices = [_device(mapping) for mapping in image.get("BlockDeviceMappings", ())]
    root = image.get("RootDeviceName", "")
    snapshots = [one["ebs"].get("snapshot_id", "") for one in devices if one["deviceName"] == root]
    return {
        **arguments,
        "architecture": image.get("Architecture", ""),
        "arn": f"arn:{cloud.partition}:ec2:{cloud.region}::image/{image['ImageId']}",
        "blockDeviceMappings": devices,
        "bootMode": image.get("BootMode", ""),
        "creationDate": image.get("CreationDate", ""),
        "deprecationTime": image.get("DeprecationTime", ""),
        "description": image.get("Description", ""),
        "enaSupport": image.get("EnaSupport", False),
        "hypervisor": image.get("Hypervisor", ""),
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "imageLocation": image.get("ImageLocation", ""),
        "imageOwnerAlias": image.get("ImageOwnerAlias", ""),
        "imageType": image.get("ImageType", ""),
        "imdsSupport": image.get("ImdsSupport", ""),
        "kernelId": image.get("KernelId", ""),
        "lastLaunchedTime": "",
        "name": image.get("Name", ""),
        "ownerId": image.get("OwnerId", ""),
        "platform": image.get("Platform", ""),
        "platformDetails": image.get("PlatformDetails", ""),
        "productCodes": [],
        "public": image.get("Public", False),
        "ramdiskId": image.get("RamdiskId", ""),
        "region": cloud.region,
        "rootDeviceName": root,
        "rootDeviceType": image.get("RootDeviceType", ""),
        "rootSnapshotId": snapshots[0] if snapshots else "",
        "sriovNetSupport": image.get("SriovNetSupport", ""),
        "state": image.get("State", ""),
        "stateReason": {},
        "tags": tagging.from_list(image.get("Tags")),
        "tpmSupport": image.get("TpmSupport", ""),
        "usageOperation": image.get("UsageOperation", ""),
        "virtualizationType": image.get("VirtualizationType", ""),
    }


def _device(mapping: Mapping[str, Any]) -> dict[str, Any]:
    ebs = mapping.get("Ebs") or {}
    names = {
        "DeleteOnTermination": "delete_on_termination",
        "Encrypted": "encrypted",
        "Iops": "iops",
        "SnapshotId": "snapshot_id",
        "Throughput": "throughput",
        "VolumeSize": "volume_size",
        "VolumeType": "volume_type",
    }
    told = {
        name: str(ebs[key]).lower() if isinstance(ebs[key], bool) else str(ebs[key])
        for key, name in names.items()
        if key in ebs
    }
    return {
        "deviceName": mapping.get("DeviceName", ""),
        "ebs": told,
        "noDevice": mapping.get("NoDevice", ""),
        "virtualName": mapping.get("VirtualName", ""),
    }


FUNCTIONS = (
    Function(
        "aws:ec2/getAmi:getAmi",
        frozenset(
            {
                "executableUsers",
                "filters",
                "includeDeprecated",
                "mostRecent",
                "nameRegex",
                "owners",
                "region",
                "tags",
            }
        ),
        _ami,
    ),
)
