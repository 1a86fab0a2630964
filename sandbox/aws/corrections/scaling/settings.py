"""What a group stores, and what the sandbox does not support of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.cloud.scaling.groups import GroupError
from sandbox.aws.corrections.scaling.call import GroupCall, is_true

_STORED = (
    "CapacityRebalance",
    "Context",
    "DefaultCooldown",
    "DefaultInstanceWarmup",
    "HealthCheckGracePeriod",
    "HealthCheckType",
    "MaxInstanceLifetime",
    "NewInstancesProtectedFromScaleIn",
    "PlacementGroup",
    "ServiceLinkedRoleARN",
    "TerminationPolicies",
)
DEFAULTS: Mapping[str, Any] = {
    "CapacityRebalance": False,
    "DefaultCooldown": 300,
    "HealthCheckGracePeriod": 0,
    "HealthCheckType": "EC2",
    "NewInstancesProtectedFromScaleIn": False,
    "TerminationPolicies": ["Default"],
}
_NOT_SUPPORTED = (
    "AvailabilityZoneDistribution",
    "AvailabilityZoneImpairmentPolicy",
    "CapacityReservationSpecification",
    "DeletionProtection",
    "DesiredCapacityType",
    "InstanceId",
    "InstanceLifecyclePolicy",
    "InstanceMaintenancePolicy",
    "LaunchConfigurationName",
    "LifecycleHookSpecificationList",
    "LoadBalancerNames",
    "TargetGroupARNs",
    "TrafficSources",
)


def stored_settings(call: GroupCall) -> dict[str, Any]:
    """The settings that a call gives. Raises GroupError for a value that the sandbox does not support."""
    told = {name: call[name] for name in _STORED if call[name] is not None}
    for name in ("CapacityRebalance", "NewInstancesProtectedFromScaleIn"):
        if name in told:
            told[name] = is_true(told[name])
    if told.get("CapacityRebalance"):
        raise GroupError(
            "The sandbox's groups have no capacity rebalancing; CapacityRebalance is to be false."
        )
    if told.get("HealthCheckType", "EC2") != "EC2":
        raise GroupError("The sandbox's groups have health checks of EC2 only.")
    return told


def refuse_unsupported(call: GroupCall) -> None:
    """Raise GroupError when the call gives what the sandbox's groups lack."""
    for name in _NOT_SUPPORTED:
        if call[name]:
            raise GroupError(f"The sandbox's groups do not support {name}.")
