"""Converts an instance's description to the outputs of `aws.ec2.Instance`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, Properties
from sandbox.aws.provider.types.launch_template import find_template


def find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    """The description of an instance that is not terminated; one shutting down is included."""
    instance = describe(cloud, identifier)
    return None if instance is None or instance["State"]["Name"] == "terminated" else instance


def describe(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    """The description of an instance, terminated or not; None when the cloud no longer has it."""
    try:
        reservations = cloud.call(
            "ec2", "describe_instances", f"reading EC2 Instance ({identifier})", InstanceIds=[identifier]
        )["Reservations"]
    except CloudError as error:
        if error.code == "InvalidInstanceID.NotFound":
            return None
        raise
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    return instances[0] if instances else None


def outputs_of(cloud: Cloud, instance: Mapping[str, Any], known: Known) -> Properties:
    """All outputs; calls the cloud for those missing in the description."""
    identifier = instance["InstanceId"]
    tags = tagging.told(tagging.from_list(instance.get("Tags")), cloud.configuration.default_tags, known)
    volumes = _volumes(cloud, instance)
    return {
        **_placement(instance),
        **_network(instance),
        **_user_data(cloud, identifier, known),
        **_attributes(cloud, identifier),
        "ami": instance["ImageId"],
        "arn": cloud.arn("ec2", f"instance/{identifier}"),
        "ebsBlockDevices": [
            _block_device(cloud, mapping, volumes, known)
            for mapping in instance.get("BlockDeviceMappings", ())
            if mapping["DeviceName"] != instance.get("RootDeviceName") and _is_own(mapping, known)
        ],
        "ebsOptimized": instance.get("EbsOptimized", False),
        "forceDestroy": known.carried("forceDestroy", False),
        "getPasswordData": False,
        "iamInstanceProfile": instance.get("IamInstanceProfile", {}).get("Arn", "").rsplit("/", 1)[-1],
        "instanceLifecycle": instance.get("InstanceLifecycle", ""),
        "instanceMarketOptions": _market_options(cloud, instance, known),
        "instanceState": instance["State"]["Name"],
        "instanceType": instance["InstanceType"],
        "keyName": instance.get("KeyName", ""),
        "launchTemplate": _launch_template(cloud, instance, known),
        "metadataOptions": _metadata_options(instance.get("MetadataOptions", {})),
        "monitoring": instance.get("Monitoring", {}).get("State") in ("enabled", "pending"),
        "outpostArn": instance.get("OutpostArn", ""),
        "passwordData": "",
        "region": cloud.region,
        "rootBlockDevice": _root_block_device(cloud, instance, volumes, known),
        "spotInstanceRequestId": instance.get("SpotInstanceRequestId", ""),
        "userDataReplaceOnChange": known.carried("userDataReplaceOnChange", False),
        "volumeTags": known.carried("volumeTags"),
        **tags,
    }


def attribute(cloud: Cloud, identifier: str, name: str) -> Any:
    """One attribute that is not part of the description."""
    answer = cloud.call(
        "ec2",
        "describe_instance_attribute",
        f"reading EC2 Instance ({identifier}) {name}",
        InstanceId=identifier,
        Attribute=name,
    )
    return (answer.get(name[0].upper() + name[1:]) or {}).get("Value")


def _placement(instance: Mapping[str, Any]) -> Properties:
    placement = instance.get("Placement", {})
    return {
        "availabilityZone": placement.get("AvailabilityZone", ""),
        "placementGroup": placement.get("GroupName") or "",
        "placementGroupId": placement.get("GroupId") or "",
        "tenancy": placement.get("Tenancy") or "default",
    }


def _network(instance: Mapping[str, Any]) -> Properties:
    interfaces = instance.get("NetworkInterfaces") or [{}]
    primary = min(interfaces, key=lambda one: one.get("Attachment", {}).get("DeviceIndex", 0))
    groups = instance.get("SecurityGroups", ())
    return {
        "associatePublicIpAddress": bool(primary.get("Association", {}).get("PublicIp")),
        "primaryNetworkInterfaceId": primary.get("NetworkInterfaceId", ""),
        "privateDns": instance.get("PrivateDnsName", ""),
        "privateIp": instance.get("PrivateIpAddress", ""),
        "publicDns": instance.get("PublicDnsName", ""),
        "publicIp": instance.get("PublicIpAddress", ""),
        "securityGroups": [group["GroupName"] for group in groups],
        "sourceDestCheck": instance.get("SourceDestCheck", True),
        "subnetId": instance.get("SubnetId", ""),
        "vpcSecurityGroupIds": [group["GroupId"] for group in groups],
    }


def _attributes(cloud: Cloud, identifier: str) -> Properties:
    return {
        name: attribute(cloud, identifier, name)
        for name in ("disableApiStop", "disableApiTermination", "instanceInitiatedShutdownBehavior")
    }


def _user_data(cloud: Cloud, identifier: str, known: Known) -> Properties:
    encoded = attribute(cloud, identifier, "userData")
    if not encoded:
        return {}
    if known.carried("userDataBase64"):
        return {"userDataBase64": encoded}
    if known.carried("userData") == encoded:
        return {"userData": encoded}
    try:
        return {"userData": base64.b64decode(encoded).decode()}
    except ValueError:
        return {"userDataBase64": encoded}


def _metadata_options(options: Mapping[str, Any]) -> Properties:
    return {
        "httpEndpoint": options.get("HttpEndpoint", "enabled"),
        "httpProtocolIpv6": options.get("HttpProtocolIpv6", "disabled"),
        "httpPutResponseHopLimit": options.get("HttpPutResponseHopLimit", 1),
        "httpTokens": options.get("HttpTokens", "optional"),
        "instanceMetadataTags": options.get("InstanceMetadataTags", "disabled"),
    }


def _market_options(cloud: Cloud, instance: Mapping[str, Any], known: Known) -> Properties | None:
    if instance.get("InstanceLifecycle") != "spot":
        return None
    request = spot_request(cloud, instance.get("SpotInstanceRequestId"))
    before = (known.carried("instanceMarketOptions") or {}).get("spotOptions") or {}
    told = {
        "instanceInterruptionBehavior": request.get("InstanceInterruptionBehavior"),
        "maxPrice": request.get("SpotPrice"),
        "spotInstanceType": request.get("Type"),
        "validUntil": request["ValidUntil"].isoformat() if request.get("ValidUntil") else None,
    }
    options = {name: before.get(name) if value is None else value for name, value in told.items()}
    if _same_number(before.get("maxPrice"), options["maxPrice"]):
        options["maxPrice"] = before["maxPrice"]
    return {
        "marketType": "spot",
        "spotOptions": {name: value for name, value in options.items() if value is not None},
    }


def _launch_template(cloud: Cloud, instance: Mapping[str, Any], known: Known) -> Properties | None:
    """The launch template, from the tags that EC2 sets; the version as the program specifies it, while that
    still resolves to the instance's."""
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags") or ()}
    identifier = tags.get("aws:ec2launchtemplate:id")
    if not identifier:
        return None
    template = find_template(cloud, identifier)
    if template is None:
        return {"id": identifier}
    number = tags["aws:ec2launchtemplate:version"]
    stated = (known.carried("launchTemplate") or {}).get("version")
    aliases = {
        "$Default": str(template["DefaultVersionNumber"]),
        "$Latest": str(template["LatestVersionNumber"]),
    }
    version = stated if stated and aliases.get(stated) == number else number
    return {"id": identifier, "name": template["LaunchTemplateName"], "version": version}


def _same_number(left: Any, right: Any) -> bool:
    try:
        return float(left) == float(right)
    except (TypeError, ValueError):
        return False


def spot_request(cloud: Cloud, identifier: str | None) -> Mapping[str, Any]:
    """The description of an instance's spot request; empty without one."""
    if not identifier:
        return {}
    try:
        requests = cloud.call(
            "ec2",
            "describe_spot_instance_requests",
            f"reading EC2 Spot Instance Request ({identifier})",
            SpotInstanceRequestIds=[identifier],
        )["SpotInstanceRequests"]
    except CloudError as error:
        if error.code != "InvalidSpotInstanceRequestID.NotFound":
            raise
        requests = []
    if not requests:
        # The official provider does not wait for a request that is not visible yet.
        doing = f"reading EC2 Spot Instance Request ({identifier})"
        raise CloudError(doing, "SpotRequestNotSeen", "couldn't find resource")
    return dict(requests[0])


def _volumes(cloud: Cloud, instance: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    identifiers = [mapping["Ebs"]["VolumeId"] for mapping in instance.get("BlockDeviceMappings", ())]
    if not identifiers:
        return {}
    try:
        volumes = cloud.call(
            "ec2",
            "describe_volumes",
            f"reading EC2 Instance ({instance['InstanceId']}) volumes",
            VolumeIds=identifiers,
        )["Volumes"]
    except CloudError as error:
        if error.code == "InvalidVolume.NotFound":
            return {}
        raise
    return {volume["VolumeId"]: volume for volume in volumes}


def root_volume(instance: Mapping[str, Any]) -> str | None:
    """The id of the instance's root volume."""
    for mapping in instance.get("BlockDeviceMappings", ()):
        if mapping["DeviceName"] == instance.get("RootDeviceName"):
            return str(mapping["Ebs"]["VolumeId"])
    return None


def _root_block_device(
    cloud: Cloud, instance: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]], known: Known
) -> Properties | None:
    for mapping in instance.get("BlockDeviceMappings", ()):
        if mapping["DeviceName"] == instance.get("RootDeviceName"):
            return _block_device(cloud, mapping, volumes, known)
    return None


def _is_own(mapping: Mapping[str, Any], known: Known) -> bool:
    """Whether a volume was created with the instance; attached ones are resources of their own."""
    stated = known.inputs.get("ebsBlockDevices")
    if stated is None:
        stated = known.outputs.get("ebsBlockDevices") or ()
    return mapping["DeviceName"] in {device.get("deviceName") for device in stated}


def _block_device(
    cloud: Cloud,
    mapping: Mapping[str, Any],
    volumes: Mapping[str, Mapping[str, Any]],
    known: Known,
) -> Properties:
    volume = volumes.get(mapping["Ebs"]["VolumeId"], {})
    return {
        "deleteOnTermination": mapping["Ebs"].get("DeleteOnTermination", False),
        "deviceName": mapping["DeviceName"],
        "encrypted": volume.get("Encrypted", False),
        "iops": volume.get("Iops", 0),
        "kmsKeyId": volume.get("KmsKeyId", ""),
        **_volume_tags(cloud, volume, known),
        "throughput": volume.get("Throughput", 0),
        "volumeId": mapping["Ebs"]["VolumeId"],
        "volumeSize": volume.get("Size", 0),
        "volumeType": volume.get("VolumeType", ""),
    }


def _volume_tags(cloud: Cloud, volume: Mapping[str, Any], known: Known) -> Properties:
    if known.carried("volumeTags"):
        return {"tags": {}, "tagsAll": {}}
    root = known.carried("rootBlockDevice") or {}
    tags = tagging.from_list(volume.get("Tags"))
    return dict(
        tagging.told(tags, cloud.configuration.default_tags, Known(inputs={"tags": root.get("tags")}))
    )
