"""What a group launches, and where: checked when it is set, as AWS does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.iam.models import iam_backends

from sandbox.aws.cloud.scaling.groups import Group, GroupError
from sandbox.aws.cloud.scaling.moto_cloud import template_version
from sandbox.aws.corrections.scaling.call import GroupCall


def set_launch(call: GroupCall, group: Group) -> None:
    """What the group launches, and where. Raises GroupError when that cannot work."""
    subnets = call["VPCZoneIdentifier"]
    if subnets:
        group.settings["VPCZoneIdentifier"] = subnets
        group.settings["AvailabilityZones"] = _zones(call, subnets.split(","))
    policy, template = call["MixedInstancesPolicy"], call["LaunchTemplate"]
    if policy:
        group.settings["MixedInstancesPolicy"] = _told_policy(policy)
        group.settings.pop("LaunchTemplate", None)
    elif template:
        group.settings["LaunchTemplate"] = dict(template)
        group.settings.pop("MixedInstancesPolicy", None)
    if not {"MixedInstancesPolicy", "LaunchTemplate"} & group.settings.keys():
        raise GroupError(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter."
        )
    if policy or template:
        _check_template(call, group)


def _zones(call: GroupCall, subnets: list[str]) -> list[str]:
    try:
        found = ec2_backends[call.account][call.region].describe_subnets(subnet_ids=subnets)
    except EC2ClientError as error:
        raise GroupError(f"The subnet ID '{subnets[0]}' does not exist: {error.message}") from error
    return sorted({str(each.availability_zone) for each in found})


def _told_policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with the service's defaults, which it returns too."""
    distribution = {
        "OnDemandAllocationStrategy": "prioritized",
        "OnDemandBaseCapacity": 0,
        "OnDemandPercentageAboveBaseCapacity": 100,
        "SpotAllocationStrategy": "lowest-price",
        **(policy.get("InstancesDistribution") or {}),
    }
    for name in ("OnDemandBaseCapacity", "OnDemandPercentageAboveBaseCapacity"):
        distribution[name] = int(distribution[name])
    if distribution["SpotAllocationStrategy"] == "lowest-price":
        distribution["SpotInstancePools"] = int(distribution.get("SpotInstancePools") or 2)
    launch = policy.get("LaunchTemplate") or {}
    overrides = [dict(each) for each in launch.get("Overrides") or ()]
    for each in overrides:
        if set(each) != {"InstanceType"}:
            raise GroupError("The sandbox's groups know overrides with an InstanceType only.")
    specification = dict(launch.get("LaunchTemplateSpecification") or {})
    return {
        "InstancesDistribution": distribution,
        "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": overrides},
    }


def _check_template(call: GroupCall, group: Group) -> None:
    """Complete the template's name or id, and refuse one from which nothing can be launched."""
    policy = group.settings.get("MixedInstancesPolicy")
    try:
        version = template_version(group)
    except EC2ClientError as error:
        raise GroupError(f"You must use a valid fully-formed launch template. {error.message}") from error
    named = (
        policy["LaunchTemplate"]["LaunchTemplateSpecification"]
        if policy
        else group.settings["LaunchTemplate"]
    )
    named["LaunchTemplateId"], named["LaunchTemplateName"] = version.template.id, version.template.name
    data = version.data
    if policy and data.get("InstanceMarketOptions"):
        raise GroupError(
            "You cannot use a launch template that is set to request Spot Instances (InstanceMarketOptions) "
            "when you configure an Auto Scaling group with a mixed instances policy."
        )
    types = [each["InstanceType"] for each in (policy or {}).get("LaunchTemplate", {}).get("Overrides", ())]
    _require(data.get("ImageId"), "The request must contain the parameter ImageId")
    images = ec2_backends[call.account][call.region].amis
    _require(data["ImageId"] in images, f"The image id '[{data['ImageId']}]' does not exist")
    for instance_type in types or [data.get("InstanceType")]:
        _require(instance_type, "The request must contain the parameter InstanceType")
        _require(instance_type in INSTANCE_TYPES, f"Invalid value '{instance_type}' for InstanceType.")
    interfaces = data.get("NetworkInterfaces") or ()
    _require(
        not any(each.get("SubnetId") or each.get("NetworkInterfaceId") for each in interfaces),
        "A network interface of the template must not name a subnet or an existing interface.",
    )
    _require(
        not (interfaces and data.get("SecurityGroupIds")),
        "Network interfaces and an instance-level security groups may not be specified on the same request",
    )
    _check_profile(call, data.get("IamInstanceProfile") or {})


def _check_profile(call: GroupCall, named: Mapping[str, str]) -> None:
    profiles = iam_backends[call.account][call.partition].get_instance_profiles()
    for parameter, attribute in (("Name", "name"), ("Arn", "arn")):
        wanted = named.get(parameter)
        is_known = any(getattr(each, attribute) == wanted and not call.hides(each.arn) for each in profiles)
        _require(
            not wanted or is_known,
            f"Value ({wanted}) for parameter iamInstanceProfile.{attribute} is invalid. "
            f"Invalid IAM Instance Profile {attribute}",
        )


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise GroupError(f"You must use a valid fully-formed launch template. {otherwise}")
