"""Launch templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Field, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types import ec2_tags

_GONE = frozenset({"InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.Malformed"})

_METADATA_OPTIONS: Mapping[str, Field] = {
    "httpEndpoint": updates(computed=True, allowed=("enabled", "disabled")),
    "httpProtocolIpv6": updates(computed=True, allowed=("enabled", "disabled")),
    "httpPutResponseHopLimit": updates(Kind.INTEGER, computed=True),
    "httpTokens": updates(computed=True, allowed=("optional", "required")),
    "instanceMetadataTags": updates(computed=True, allowed=("enabled", "disabled")),
}
_TAG_SPECIFICATION: Mapping[str, Field] = {
    "resourceType": updates(allowed=("instance", "volume", "network-interface", "spot-instances-request")),
    "tags": TAGS,
}

_VOLUME_TYPES = ("standard", "io1", "io2", "gp2", "gp3", "sc1", "st1")
_EBS: Mapping[str, Field] = {
    "deleteOnTermination": updates(allowed=("true", "false")),
    "encrypted": updates(allowed=("true", "false")),
    "iops": updates(Kind.INTEGER, computed=True),
    "kmsKeyId": updates(),
    "snapshotId": updates(),
    "throughput": updates(Kind.INTEGER, computed=True),
    "volumeInitializationRate": refused(Change.UPDATE),
    "volumeSize": updates(Kind.INTEGER, computed=True),
    "volumeType": updates(computed=True, allowed=_VOLUME_TYPES),
}
_BLOCK_DEVICE: Mapping[str, Field] = {
    "deviceName": updates(),
    "ebs": updates(Kind.OBJECT, fields=_EBS),
    "noDevice": refused(Change.UPDATE),
    "virtualName": refused(Change.UPDATE),
}
_PROFILE: Mapping[str, Field] = {"arn": updates(), "name": updates()}
_SPOT_OPTIONS: Mapping[str, Field] = {
    "blockDurationMinutes": refused(Change.UPDATE),
    "instanceInterruptionBehavior": updates(allowed=("hibernate", "stop", "terminate")),
    "maxPrice": updates(),
    "spotInstanceType": updates(allowed=("one-time", "persistent")),
    "validUntil": refused(Change.UPDATE),
}
_MARKET_OPTIONS: Mapping[str, Field] = {
    "marketType": updates(allowed=("spot",)),
    "spotOptions": updates(Kind.OBJECT, fields=_SPOT_OPTIONS),
}
_NETWORK_INTERFACE: Mapping[str, Field] = {
    "associateCarrierIpAddress": refused(Change.UPDATE),
    "associatePublicIpAddress": updates(allowed=("true", "false")),
    "connectionTrackingSpecification": refused(Change.UPDATE),
    "deleteOnTermination": updates(allowed=("true", "false")),
    "description": updates(),
    "deviceIndex": updates(Kind.INTEGER),
    "enaQueueCount": refused(Change.UPDATE),
    "enaSrdSpecification": refused(Change.UPDATE),
    "interfaceType": refused(Change.UPDATE),
    "ipv4AddressCount": refused(Change.UPDATE),
    "ipv4Addresses": refused(Change.UPDATE),
    "ipv4PrefixCount": refused(Change.UPDATE),
    "ipv4Prefixes": refused(Change.UPDATE),
    "ipv6AddressCount": refused(Change.UPDATE),
    "ipv6Addresses": refused(Change.UPDATE),
    "ipv6PrefixCount": refused(Change.UPDATE),
    "ipv6Prefixes": refused(Change.UPDATE),
    "networkCardIndex": refused(Change.UPDATE),
    "networkInterfaceId": refused(Change.UPDATE),
    "primaryIpv6": refused(Change.UPDATE),
    "privateIpAddress": refused(Change.UPDATE),
    "securityGroups": updates(Kind.SET),
    "subnetId": updates(),
}
_MONITORING: Mapping[str, Field] = {"enabled": updates(Kind.BOOLEAN)}

_DATA = frozenset(
    {
        "blockDeviceMappings",
        "ebsOptimized",
        "iamInstanceProfile",
        "imageId",
        "instanceInitiatedShutdownBehavior",
        "instanceMarketOptions",
        "instanceType",
        "metadataOptions",
        "monitoring",
        "networkInterfaces",
        "tagSpecifications",
        "userData",
        "vpcSecurityGroupIds",
    }
)
"""The inputs that are part of a template version."""


class LaunchTemplate(ResourceType):
    """`aws.ec2.LaunchTemplate`. Changed data create a new version, which becomes the default one only with
    `updateDefaultVersion`."""

    token = "aws:ec2/launchTemplate:LaunchTemplate"  # noqa: S105
    title = "EC2 Launch Template"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=125)
    inputs = table(
        {
            "blockDeviceMappings": updates(Kind.OBJECTS, fields=_BLOCK_DEVICE),
            "capacityReservationSpecification": refused(Change.UPDATE),
            "cpuOptions": refused(Change.UPDATE),
            "creditSpecification": refused(Change.UPDATE),
            "defaultVersion": refused(Change.UPDATE, "use updateDefaultVersion"),
            "description": updates(),
            "disableApiStop": refused(Change.UPDATE),
            "disableApiTermination": refused(Change.UPDATE),
            "ebsOptimized": updates(allowed=("true", "false")),
            "enclaveOptions": refused(Change.UPDATE),
            "hibernationOptions": refused(Change.UPDATE),
            "iamInstanceProfile": updates(Kind.OBJECT, fields=_PROFILE),
            "imageId": updates(),
            "instanceInitiatedShutdownBehavior": updates(allowed=("stop", "terminate")),
            "instanceMarketOptions": updates(Kind.OBJECT, fields=_MARKET_OPTIONS),
            "instanceRequirements": refused(Change.UPDATE),
            "instanceType": updates(),
            "kernelId": refused(Change.UPDATE),
            "keyName": refused(Change.UPDATE),
            "licenseSpecifications": refused(Change.UPDATE),
            "maintenanceOptions": refused(Change.UPDATE),
            "metadataOptions": updates(Kind.OBJECT, computed=True, fields=_METADATA_OPTIONS),
            "monitoring": updates(Kind.OBJECT, fields=_MONITORING),
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "networkInterfaces": updates(Kind.OBJECTS, fields=_NETWORK_INTERFACE),
            "networkPerformanceOptions": refused(Change.UPDATE),
            "placement": refused(Change.UPDATE),
            "privateDnsNameOptions": refused(Change.UPDATE),
            "ramDiskId": refused(Change.UPDATE),
            "region": REGION,
            "secondaryInterfaces": refused(Change.UPDATE),
            "securityGroupNames": refused(Change.UPDATE),
            "tagSpecifications": updates(Kind.OBJECTS, fields=_TAG_SPECIFICATION),
            "tags": TAGS,
            "tagsAll": TAGS,
            "updateDefaultVersion": updates(Kind.BOOLEAN, told=False),
            "userData": updates(),
            "vpcSecurityGroupIds": updates(Kind.SET),
        }
    )
    outputs = ("arn", "latestVersion")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "ec2",
            "create_launch_template",
            f"creating {self.title} ({inputs['name']})",
            LaunchTemplateName=inputs["name"],
            VersionDescription=inputs.get("description") or None,
            LaunchTemplateData=_data(inputs),
            TagSpecifications=ec2_tags.specification("launch-template", inputs.get("tagsAll")),
        )
        return str(answer["LaunchTemplate"]["LaunchTemplateId"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        template = find_template(cloud, identifier)
        if template is None:
            return None
        latest = template["LatestVersionNumber"]
        version = cloud.call(
            "ec2",
            "describe_launch_template_versions",
            f"reading {self.title} ({identifier}) version ({latest})",
            LaunchTemplateId=identifier,
            Versions=[str(latest)],
        )["LaunchTemplateVersions"][0]
        tags = tagging.told(tagging.from_list(template.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": cloud.arn("ec2", f"launch-template/{identifier}"),
            "defaultVersion": template["DefaultVersionNumber"],
            "description": version.get("VersionDescription", ""),
            "latestVersion": latest,
            "name": template["LaunchTemplateName"],
            "namePrefix": known.carried("namePrefix", ""),
            "region": cloud.region,
            "updateDefaultVersion": known.carried("updateDefaultVersion"),
            **_outputs_of(version["LaunchTemplateData"]),
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        doing = f"updating {self.title} ({identifier})"
        if changed & (_DATA | {"description"}):
            made = cloud.call(
                "ec2",
                "create_launch_template_version",
                doing,
                LaunchTemplateId=identifier,
                VersionDescription=inputs.get("description") or None,
                LaunchTemplateData=_data(inputs),
            )
            if inputs.get("updateDefaultVersion"):
                number = str(made["LaunchTemplateVersion"]["VersionNumber"])
                cloud.call(
                    "ec2",
                    "modify_launch_template",
                    doing,
                    LaunchTemplateId=identifier,
                    DefaultVersion=number,
                )
        if changed & {"tags", "tagsAll"}:
            ec2_tags.apply(cloud, identifier, self.title, state.get("tagsAll"), inputs.get("tagsAll"))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        try:
            cloud.call(
                "ec2",
                "delete_launch_template",
                f"deleting {self.title} ({identifier})",
                LaunchTemplateId=identifier,
            )
        except CloudError as error:
            if error.code not in _GONE:
                raise

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        """As in the official provider, which treats the version as unknown even when only tags change."""
        return (
            frozenset({"latestVersion"}) if changed - {"description", "name", "namePrefix"} else frozenset()
        )


def find_template(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    """The description of a launch template; None when it does not exist."""
    try:
        found = cloud.call(
            "ec2",
            "describe_launch_templates",
            f"reading EC2 Launch Template ({identifier})",
            LaunchTemplateIds=[identifier],
        )["LaunchTemplates"]
    except CloudError as error:
        if error.code in _GONE:
            return None
        raise
    return dict(found[0]) if found else None


def _data(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a template version, in the service's format."""
    data = {
        "BlockDeviceMappings": [_device(each) for each in inputs.get("blockDeviceMappings") or ()],
        "EbsOptimized": _truth(inputs.get("ebsOptimized")),
        "IamInstanceProfile": _capitalized(inputs.get("iamInstanceProfile")),
        "ImageId": inputs.get("imageId"),
        "InstanceInitiatedShutdownBehavior": inputs.get("instanceInitiatedShutdownBehavior"),
        "InstanceMarketOptions": _market(inputs.get("instanceMarketOptions")),
        "InstanceType": inputs.get("instanceType"),
        "MetadataOptions": _capitalized(inputs.get("metadataOptions")),
        "Monitoring": _capitalized(inputs.get("monitoring")),
        "NetworkInterfaces": [_interface(each) for each in inputs.get("networkInterfaces") or ()],
        "SecurityGroupIds": inputs.get("vpcSecurityGroupIds"),
        "TagSpecifications": [
            {"ResourceType": each.get("resourceType"), "Tags": tagging.to_list(each.get("tags"))}
            for each in inputs.get("tagSpecifications") or ()
        ],
        "UserData": inputs.get("userData"),
    }
    return {name: value for name, value in data.items() if value or value is False}


def _capitalized(part: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        name[0].upper() + name[1:]: value
        for name, value in (part or {}).items()
        if value not in (None, "") and not name.startswith("__")
    }


def _truth(value: str | None) -> bool | None:
    return None if value in (None, "") else value == "true"


def _device(device: Mapping[str, Any]) -> dict[str, Any]:
    ebs = dict(device.get("ebs") or {})
    truths = {name: _truth(ebs.get(name)) for name in ("deleteOnTermination", "encrypted")}
    return {"DeviceName": device.get("deviceName"), "Ebs": _capitalized({**ebs, **truths})}


def _market(options: Mapping[str, Any] | None) -> dict[str, Any]:
    if not options:
        return {}
    spot = _capitalized(options.get("spotOptions"))
    return {"MarketType": options.get("marketType"), **({"SpotOptions": spot} if spot else {})}


def _interface(interface: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "AssociatePublicIpAddress": _truth(interface.get("associatePublicIpAddress")),
        "DeleteOnTermination": _truth(interface.get("deleteOnTermination")),
        "Description": interface.get("description") or None,
        "DeviceIndex": interface.get("deviceIndex") or 0,
        "Groups": interface.get("securityGroups") or None,
        "SubnetId": interface.get("subnetId") or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _outputs_of(data: Mapping[str, Any]) -> Properties:
    return {
        "blockDeviceMappings": [_device_told(each) for each in data.get("BlockDeviceMappings") or ()],
        "ebsOptimized": _text(data.get("EbsOptimized")),
        "iamInstanceProfile": _lowered(data.get("IamInstanceProfile"), _PROFILE) or None,
        "imageId": data.get("ImageId", ""),
        "instanceInitiatedShutdownBehavior": data.get("InstanceInitiatedShutdownBehavior", ""),
        "instanceMarketOptions": _market_told(data.get("InstanceMarketOptions")),
        "instanceType": data.get("InstanceType", ""),
        "metadataOptions": _lowered(data.get("MetadataOptions"), _METADATA_OPTIONS),
        "monitoring": _lowered(data.get("Monitoring"), _MONITORING) or None,
        "networkInterfaces": [_interface_told(each) for each in data.get("NetworkInterfaces") or ()],
        "tagSpecifications": [
            {"resourceType": each["ResourceType"], "tags": tagging.from_list(each.get("Tags"))}
            for each in data.get("TagSpecifications") or ()
        ],
        "userData": data.get("UserData", ""),
        "vpcSecurityGroupIds": list(data.get("SecurityGroupIds") or ()),
    }


def _lowered(part: Mapping[str, Any] | None, fields: Mapping[str, Field]) -> Properties:
    named = {name[0].lower() + name[1:]: value for name, value in (part or {}).items()}
    return {name: value for name, value in named.items() if name in fields}


def _text(value: object) -> str:
    return "" if value is None else str(value).lower()


def _device_told(device: Mapping[str, Any]) -> Properties:
    ebs = _lowered(device.get("Ebs"), _EBS)
    texts = {name: _text(ebs[name]) for name in ("deleteOnTermination", "encrypted") if name in ebs}
    return {"deviceName": device["DeviceName"], "ebs": {**ebs, **texts}}


def _market_told(options: Mapping[str, Any] | None) -> Properties | None:
    if not options:
        return None
    spot = _lowered(options.get("SpotOptions"), _SPOT_OPTIONS)
    return {"marketType": options.get("MarketType", ""), **({"spotOptions": spot} if spot else {})}


def _interface_told(interface: Mapping[str, Any]) -> Properties:
    told = {
        "associatePublicIpAddress": _text(interface.get("AssociatePublicIpAddress")),
        "deleteOnTermination": _text(interface.get("DeleteOnTermination")),
        "description": interface.get("Description", ""),
        "deviceIndex": int(interface.get("DeviceIndex") or 0),
        "securityGroups": list(interface.get("Groups") or ()),
        "subnetId": interface.get("SubnetId", ""),
    }
    return {name: value for name, value in told.items() if value not in ("", [])}
