"""The inputs of `aws.autoscaling.Group`."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws.provider.schema import REGION, Change, Field, Kind, refused, replaces, table, updates

_TAG: Mapping[str, Field] = {
    "key": updates(required=True),
    "propagateAtLaunch": updates(Kind.BOOLEAN, required=True),
    "value": updates(required=True),
}
_TEMPLATE: Mapping[str, Field] = {
    "id": updates(computed=True),
    "name": updates(computed=True),
    "version": updates(computed=True),
}
_SPECIFICATION: Mapping[str, Field] = {
    "launchTemplateId": updates(computed=True),
    "launchTemplateName": updates(computed=True),
    "version": updates(computed=True),
}
_OVERRIDE: Mapping[str, Field] = {
    "instanceRequirements": refused(Change.UPDATE),
    "instanceType": updates(),
    "launchTemplateSpecification": refused(Change.UPDATE),
    "weightedCapacity": refused(Change.UPDATE),
}
_POLICY_TEMPLATE: Mapping[str, Field] = {
    "launchTemplateSpecification": updates(Kind.OBJECT, required=True, fields=_SPECIFICATION),
    "overrides": updates(Kind.OBJECTS, computed=True, fields=_OVERRIDE),
}
DISTRIBUTION: Mapping[str, Field] = {
    "onDemandAllocationStrategy": updates(computed=True),
    "onDemandBaseCapacity": updates(Kind.INTEGER, computed=True),
    "onDemandPercentageAboveBaseCapacity": updates(Kind.INTEGER, computed=True),
    "spotAllocationStrategy": updates(computed=True),
    "spotInstancePools": updates(Kind.INTEGER, computed=True),
    "spotMaxPrice": updates(),
}
_POLICY: Mapping[str, Field] = {
    "instancesDistribution": updates(Kind.OBJECT, computed=True, fields=DISTRIBUTION),
    "launchTemplate": updates(Kind.OBJECT, required=True, fields=_POLICY_TEMPLATE),
}

INPUTS = table(
    {
        "availabilityZoneDistribution": refused(Change.UPDATE),
        "availabilityZones": refused(Change.UPDATE, "use vpcZoneIdentifiers"),
        "capacityRebalance": updates(Kind.BOOLEAN),
        "capacityReservationSpecification": refused(Change.UPDATE),
        "context": updates(),
        "defaultCooldown": updates(Kind.INTEGER, computed=True),
        "defaultInstanceWarmup": updates(Kind.INTEGER),
        "desiredCapacity": updates(Kind.INTEGER, computed=True),
        "desiredCapacityType": refused(Change.UPDATE),
        "enabledMetrics": refused(Change.UPDATE),
        "forceDelete": updates(Kind.BOOLEAN, default=False, told=False),
        "forceDeleteWarmPool": updates(Kind.BOOLEAN, default=False, told=False),
        "healthCheckGracePeriod": updates(Kind.INTEGER, default=300),
        "healthCheckType": updates(computed=True),
        "ignoreFailedScalingActivities": updates(Kind.BOOLEAN, default=False, told=False),
        "initialLifecycleHooks": refused(Change.REPLACE),
        "instanceLifecyclePolicy": refused(Change.UPDATE),
        "instanceMaintenancePolicy": refused(Change.UPDATE),
        "instanceRefresh": refused(Change.UPDATE),
        "launchConfiguration": refused(Change.UPDATE, "use launchTemplate or mixedInstancesPolicy"),
        "launchTemplate": updates(Kind.OBJECT, computed=True, fields=_TEMPLATE),
        "loadBalancers": refused(Change.UPDATE),
        "maxInstanceLifetime": updates(Kind.INTEGER),
        "maxSize": updates(Kind.INTEGER, required=True),
        "metricsGranularity": updates(default="1Minute"),
        "minElbCapacity": refused(Change.UPDATE),
        "minSize": updates(Kind.INTEGER, required=True),
        "mixedInstancesPolicy": updates(Kind.OBJECT, computed=True, fields=_POLICY),
        "name": replaces(computed=True),
        "namePrefix": replaces(computed=True, told=False),
        "placementGroup": updates(),
        "protectFromScaleIn": updates(Kind.BOOLEAN, default=False),
        "region": REGION,
        "serviceLinkedRoleArn": updates(computed=True),
        "suspendedProcesses": updates(Kind.SET),
        "tags": updates(Kind.OBJECT_SET, fields=_TAG),
        "targetGroupArns": refused(Change.UPDATE),
        "terminationPolicies": updates(Kind.LIST),
        "trafficSources": refused(Change.UPDATE),
        "vpcZoneIdentifiers": updates(Kind.SET, computed=True),
        "waitForCapacityTimeout": updates(default="10m", told=False),
        "waitForElbCapacity": refused(Change.UPDATE),
        "warmPool": refused(Change.UPDATE),
    }
)
