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

_DATA = frozenset({"instanceInitiatedShutdownBehavior", "metadataOptions", "tagSpecifications"})
"""The inputs that are part of a template version."""


class LaunchTemplate(ResourceType):
    """`aws.ec2.LaunchTemplate`. Changed data create a new version; the default version stays the first."""

    token = "aws:ec2/launchTemplate:LaunchTemplate"  # noqa: S105
    title = "EC2 Launch Template"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=125)
    inputs = table(
        {
            "blockDeviceMappings": refused(Change.UPDATE),
            "capacityReservationSpecification": refused(Change.UPDATE),
            "cpuOptions": refused(Change.UPDATE),
            "creditSpecification": refused(Change.UPDATE),
            "defaultVersion": refused(Change.UPDATE),
            "description": updates(),
            "disableApiStop": refused(Change.UPDATE),
            "disableApiTermination": refused(Change.UPDATE),
            "ebsOptimized": refused(Change.UPDATE),
            "enclaveOptions": refused(Change.UPDATE),
            "hibernationOptions": refused(Change.UPDATE),
            "iamInstanceProfile": refused(Change.UPDATE),
            "imageId": refused(Change.UPDATE),
            "instanceInitiatedShutdownBehavior": updates(allowed=("stop", "terminate")),
            "instanceMarketOptions": refused(Change.UPDATE),
            "instanceRequirements": refused(Change.UPDATE),
            "instanceType": refused(Change.UPDATE),
            "kernelId": refused(Change.UPDATE),
            "keyName": refused(Change.UPDATE),
            "licenseSpecifications": refused(Change.UPDATE),
            "maintenanceOptions": refused(Change.UPDATE),
            "metadataOptions": updates(Kind.OBJECT, computed=True, fields=_METADATA_OPTIONS),
            "monitoring": refused(Change.UPDATE),
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "networkInterfaces": refused(Change.UPDATE),
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
            "updateDefaultVersion": refused(Change.UPDATE),
            "userData": refused(Change.UPDATE),
            "vpcSecurityGroupIds": refused(Change.UPDATE),
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
            **_outputs_of(version["LaunchTemplateData"]),
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        doing = f"updating {self.title} ({identifier})"
        if changed & (_DATA | {"description"}):
            cloud.call(
                "ec2",
                "create_launch_template_version",
                doing,
                LaunchTemplateId=identifier,
                VersionDescription=inputs.get("description") or None,
                LaunchTemplateData=_data(inputs),
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
    options = inputs.get("metadataOptions") or {}
    data = {
        "InstanceInitiatedShutdownBehavior": inputs.get("instanceInitiatedShutdownBehavior"),
        "MetadataOptions": {
            name[0].upper() + name[1:]: value for name, value in options.items() if value is not None
        },
        "TagSpecifications": [
            {"ResourceType": each.get("resourceType"), "Tags": tagging.to_list(each.get("tags"))}
            for each in inputs.get("tagSpecifications") or ()
        ],
    }
    return {name: value for name, value in data.items() if value}


def _outputs_of(data: Mapping[str, Any]) -> Properties:
    return {
        "instanceInitiatedShutdownBehavior": data.get("InstanceInitiatedShutdownBehavior", ""),
        "metadataOptions": {
            name[0].lower() + name[1:]: value
            for name, value in (data.get("MetadataOptions") or {}).items()
            if name[0].lower() + name[1:] in _METADATA_OPTIONS
        },
        "tagSpecifications": [
            {"resourceType": each["ResourceType"], "tags": tagging.from_list(each.get("Tags"))}
            for each in data.get("TagSpecifications") or ()
        ],
    }
