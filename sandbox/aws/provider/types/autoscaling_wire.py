"""Auto Scaling groups in the service's format, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider.resource import Properties
from sandbox.aws.provider.types.autoscaling_schema import DISTRIBUTION
from sandbox.aws.provider.types.instance_launch import template_specification

_RESOURCE_TYPE = "auto-scaling-group"
PLAIN: Mapping[str, str] = {
    "capacityRebalance": "CapacityRebalance",
    "context": "Context",
    "defaultCooldown": "DefaultCooldown",
    "defaultInstanceWarmup": "DefaultInstanceWarmup",
    "healthCheckGracePeriod": "HealthCheckGracePeriod",
    "healthCheckType": "HealthCheckType",
    "maxInstanceLifetime": "MaxInstanceLifetime",
    "placementGroup": "PlacementGroup",
    "serviceLinkedRoleArn": "ServiceLinkedRoleARN",
    "terminationPolicies": "TerminationPolicies",
}
"""Inputs that are passed on as they are, by their names in the service."""


def parameters_of(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of both create and update, without sizes and tags."""
    given: dict[str, Any] = {wire: inputs.get(name) or None for name, wire in PLAIN.items()}
    for name in ("healthCheckGracePeriod", "defaultCooldown"):
        given[PLAIN[name]] = inputs.get(name)
    subnets = inputs.get("vpcZoneIdentifiers")
    return {
        **given,
        "AutoScalingGroupName": inputs["name"],
        "LaunchTemplate": template_specification(inputs.get("launchTemplate")),
        "MixedInstancesPolicy": _policy(inputs.get("mixedInstancesPolicy")),
        "NewInstancesProtectedFromScaleIn": inputs.get("protectFromScaleIn"),
        "VPCZoneIdentifier": ",".join(subnets) if subnets else None,
    }


def _policy(policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not policy:
        return None
    launch = policy["launchTemplate"]
    named = launch["launchTemplateSpecification"]
    specification = {
        "id": named.get("launchTemplateId"),
        "name": named.get("launchTemplateName"),
        "version": named.get("version"),
    }
    template: dict[str, Any] = {"LaunchTemplateSpecification": template_specification(specification)}
    if launch.get("overrides"):
        template["Overrides"] = [{"InstanceType": each["instanceType"]} for each in launch["overrides"]]
    distribution = {
        name[0].upper() + name[1:]: value
        for name, value in (policy.get("instancesDistribution") or {}).items()
        if value not in (None, "") and name in DISTRIBUTION
    }
    return {"LaunchTemplate": template, **({"InstancesDistribution": distribution} if distribution else {})}


def told_template(template: Mapping[str, Any] | None) -> Properties | None:
    """The launch template of a group, as an output."""
    if not template:
        return None
    return {
        "id": template.get("LaunchTemplateId", ""),
        "name": template.get("LaunchTemplateName", ""),
        "version": template.get("Version", ""),
    }


def told_policy(policy: Mapping[str, Any] | None) -> Properties | None:
    """The mixed instances policy of a group, as an output."""
    if not policy:
        return None
    launch = policy["LaunchTemplate"]
    named = told_template(launch["LaunchTemplateSpecification"]) or {}
    distribution = policy.get("InstancesDistribution") or {}
    return {
        "instancesDistribution": {
            name[0].lower() + name[1:]: value
            for name, value in distribution.items()
            if name[0].lower() + name[1:] in DISTRIBUTION
        },
        "launchTemplate": {
            "launchTemplateSpecification": {
                "launchTemplateId": named.get("id", ""),
                "launchTemplateName": named.get("name", ""),
                "version": named.get("version", ""),
            },
            "overrides": [{"instanceType": each["InstanceType"]} for each in launch.get("Overrides") or ()],
        },
    }


def tag_to_send(group: str, tag: Mapping[str, Any]) -> dict[str, Any]:
    """One tag of a group."""
    return {
        "ResourceId": group,
        "ResourceType": _RESOURCE_TYPE,
        "Key": tag["key"],
        "Value": tag["value"],
        "PropagateAtLaunch": tag["propagateAtLaunch"],
    }


def told_tags(tags: Any) -> list[Properties]:
    """The tags of a group as outputs, without those that AWS set itself."""
    return [
        {"key": each["Key"], "propagateAtLaunch": each["PropagateAtLaunch"], "value": each.get("Value", "")}
        for each in sorted(tags or (), key=lambda each: each["Key"])
        if not each["Key"].startswith("aws:")
    ]
