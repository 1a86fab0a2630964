"""moto's Auto Scaling groups launch machines past every correction, in one subnet, at once and only once;
they have no activities, lose settings on updates, and their scheduled actions never happen.

Here the API keeps groups of its own (`sandbox.aws.cloud.scaling`), which the cloud's keeper makes act. What
AWS accepts and this cloud does not support is refused.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.iam.models import iam_backends

from sandbox.aws.cloud.scaling.groups import (
    PROCESSES,
    TERMINATING,
    Activity,
    Group,
    GroupError,
    Groups,
    Member,
    ScheduledAction,
    check_sizes,
    moment,
)
from sandbox.aws.cloud.scaling.moto_cloud import template_version
from sandbox.aws.corrections.patches import Emulation, Patches

_RESOURCE_TYPE = "auto-scaling-group"
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
_DEFAULTS: Mapping[str, Any] = {
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
_SHAPES = {"AlreadyExists": "AlreadyExistsFault", "ResourceInUse": "ResourceInUseFault"}
_IN_USE = (
    "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
    "still in the group."
)
Answer = Callable[["_Request"], dict[str, Any] | None]


def apply(patches: Patches, emulation: Emulation) -> None:
    answers = {
        "create_auto_scaling_group": _create,
        "update_auto_scaling_group": _update,
        "delete_auto_scaling_group": _delete,
        "describe_auto_scaling_groups": _describe,
        "describe_auto_scaling_instances": _describe_instances,
        "describe_scaling_activities": _describe_activities,
        "set_desired_capacity": _set_desired_capacity,
        "terminate_instance_in_auto_scaling_group": _terminate,
        "suspend_processes": _suspend,
        "resume_processes": _resume,
        "create_or_update_tags": _set_tags,
        "delete_tags": _remove_tags,
        "describe_tags": _describe_tags,
        "set_instance_protection": _protect,
        "put_scheduled_update_group_action": _put_action,
        "describe_scheduled_actions": _describe_actions,
        "delete_scheduled_action": _delete_action,
    }
    for name, answer in answers.items():
        patches.replace(AutoScalingResponse, name, _answered(answer, emulation))
    for name, method in list(vars(AutoScalingResponse).items()):
        if callable(method) and not name.startswith("_") and name not in {*answers, "call_action"}:
            patches.replace(AutoScalingResponse, name, _missing(name))


class _Request:
    """One call: its parameters, and the groups of its account and region."""

    def __init__(self, response: Any, emulation: Emulation) -> None:
        self.parameters: Mapping[str, Any] = response._get_params()
        self.account = str(response.current_account)
        self.region = str(response.region)
        self.partition = str(response.partition)
        self.groups: Groups = emulation.groups
        self.now = emulation.clock()
        self.hides = partial(emulation.consistency.hides, now=self.now)

    def __getitem__(self, name: str) -> Any:
        return self.parameters.get(name)

    def number(self, name: str) -> int | None:
        value = self.parameters.get(name)
        return None if value is None else int(value)

    def truth(self, name: str) -> bool:
        return _truth(self.parameters.get(name))

    @property
    def group(self) -> Group:
        """The group that the call names. Raises GroupError; one that is being deleted takes no changes."""
        return self.groups.get(self.account, self.region, str(self["AutoScalingGroupName"]))

    @property
    def changed_group(self) -> Group:
        group = self.group
        if group.is_deleted:
            raise GroupError("AutoScalingGroup is pending delete: no changes are possible.")
        return group


def _answered(answer: Answer, emulation: Emulation) -> Any:
    def called(response: Any) -> Any:
        try:
            result = answer(_Request(response, emulation))
        except GroupError as error:
            raise AutoscalingClientError(_SHAPES.get(error.code, error.code), str(error)) from error
        emulation.regrouped()
        return EmptyResult() if result is None else ActionResult(result)

    return called


def _missing(name: str) -> Any:
    def called(response: Any) -> Any:
        raise NotImplementedError(f"its groups have no {name}")

    return called


def _create(call: _Request) -> None:
    _refuse_unsupported(call)
    minimum, maximum = call.number("MinSize") or 0, call.number("MaxSize") or 0
    desired = call.number("DesiredCapacity")
    wanted = minimum if desired is None else desired
    check_sizes(minimum, maximum, wanted)
    name = str(call["AutoScalingGroupName"])
    arn = (
        f"arn:{call.partition}:autoscaling:{call.region}:{call.account}:autoScalingGroup:{uuid.uuid4()}"
        f":autoScalingGroupName/{name}"
    )
    settings = {**_DEFAULTS, **_given(call)}
    role = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/autoscaling.amazonaws.com"
    settings.setdefault("ServiceLinkedRoleARN", f"{role}/AWSServiceRoleForAutoScaling")
    group = Group(name, arn, call.account, call.region, call.now, minimum, maximum, wanted, settings)
    group.tags = [_tag(name, each) for each in call["Tags"] or ()]
    group.wanted_because = (
        f"a user request created an AutoScalingGroup changing the desired capacity from 0 to {wanted}."
    )
    _set_launch(call, group)
    if "VPCZoneIdentifier" not in group.settings:
        raise GroupError("The sandbox's groups need subnets: VPCZoneIdentifier is missing.")
    call.groups.add(group)


def _update(call: _Request) -> None:
    _refuse_unsupported(call)
    group = call.changed_group
    before = dict(group.settings)
    try:
        group.settings.update(_given(call))
        _set_launch(call, group)
        group.resize(
            "a user request update of AutoScalingGroup constraints to "
            f"min: {_or(call.number('MinSize'), group.minimum)}, "
            f"max: {_or(call.number('MaxSize'), group.maximum)}, "
            f"desired: {_or(call.number('DesiredCapacity'), group.desired)}",
            minimum=call.number("MinSize"),
            maximum=call.number("MaxSize"),
            desired=call.number("DesiredCapacity"),
        )
    except GroupError:
        group.settings = before
        raise
    group.not_before = 0.0


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _given(call: _Request) -> dict[str, Any]:
    told = {name: call[name] for name in _STORED if call[name] is not None}
    for name in ("CapacityRebalance", "NewInstancesProtectedFromScaleIn"):
        if name in told:
            told[name] = _truth(told[name])
    if told.get("CapacityRebalance"):
        raise GroupError(
            "The sandbox's groups have no capacity rebalancing; CapacityRebalance is to be false."
        )
    if told.get("HealthCheckType", "EC2") != "EC2":
        raise GroupError("The sandbox's groups have health checks of EC2 only.")
    return told


def _refuse_unsupported(call: _Request) -> None:
    for name in _NOT_SUPPORTED:
        if call[name]:
            raise GroupError(f"The sandbox's groups do not support {name}.")


def _set_launch(call: _Request, group: Group) -> None:
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


def _zones(call: _Request, subnets: list[str]) -> list[str]:
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


def _check_template(call: _Request, group: Group) -> None:
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


def _check_profile(call: _Request, named: Mapping[str, str]) -> None:
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


def _delete(call: _Request) -> None:
    group = call.group
    if not call.truth("ForceDelete"):
        if group.members:
            raise GroupError(_IN_USE, "ResourceInUse")
        if group.is_launching:
            raise GroupError(
                "You cannot delete an AutoScalingGroup while a scaling activity is in progress.",
                "ScalingActivityInProgressFault",
            )
    group.wanted_because = "a user request force deleted the AutoScalingGroup."
    group.is_deleted = True
    if not group.members and not group.is_launching:
        call.groups.remove(group)


def _describe(call: _Request) -> dict[str, Any]:
    names = call["AutoScalingGroupNames"]
    found = [
        each
        for each in call.groups.of(call.account, call.region)
        if (not names or each.name in names) and _passes(each, call["Filters"] or ())
    ]
    page, token = _page(found, call, 50)
    return {"AutoScalingGroups": [_told(each) for each in page], "NextToken": token}


def _page(found: list[Any], call: _Request, standard: int) -> tuple[list[Any], str | None]:
    start, size = int(call["NextToken"] or 0), call.number("MaxRecords") or standard
    return found[start : start + size], str(start + size) if len(found) > start + size else None


def _passes(group: Group, filters: Any) -> bool:
    tags = {each["Key"]: each["Value"] for each in group.tags}
    for each in filters:
        name, values = each["Name"], each.get("Values") or []
        if name == "tag-key":
            passes = any(value in tags for value in values)
        elif name == "tag-value":
            passes = any(value in tags.values() for value in values)
        elif name.startswith("tag:"):
            passes = tags.get(name.removeprefix("tag:")) in values
        else:
            raise GroupError(f"The filter {name} is not valid.")
        if not passes:
            return False
    return True


def _told(group: Group) -> dict[str, Any]:
    return {
        **group.settings,
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "MinSize": group.minimum,
        "MaxSize": group.maximum,
        "DesiredCapacity": group.desired,
        "CreatedTime": _time(group.created),
        "Instances": [_told_member(each) for each in group.members.values()],
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": why} for name, why in sorted(group.suspended.items())
        ],
        "EnabledMetrics": [],
        "LoadBalancerNames": [],
        "TargetGroupARNs": [],
        "TrafficSources": [],
        "Tags": sorted(group.tags, key=lambda each: each["Key"]),
        **({"Status": "Delete in progress"} if group.is_deleted else {}),
    }


def _told_member(member: Member) -> dict[str, Any]:
    return {
        "InstanceId": member.id,
        "InstanceType": member.instance_type,
        "AvailabilityZone": member.zone,
        "LifecycleState": member.state,
        "HealthStatus": member.health,
        "LaunchTemplate": dict(member.template),
        "ImageId": member.image,
        "ProtectedFromScaleIn": member.is_protected,
    }


def _describe_instances(call: _Request) -> dict[str, Any]:
    wanted = call["InstanceIds"]
    found = [
        {**_told_member(member), "AutoScalingGroupName": group.name}
        for group in call.groups.of(call.account, call.region)
        for member in group.members.values()
        if not wanted or member.id in wanted
    ]
    page, token = _page(found, call, 50)
    return {"AutoScalingInstances": page, "NextToken": token}


def _describe_activities(call: _Request) -> dict[str, Any]:
    groups = [call.group] if call["AutoScalingGroupName"] else call.groups.of(call.account, call.region)
    wanted = call["ActivityIds"]
    found = [
        (each.started, number, group, each)
        for group in groups
        for number, each in enumerate(group.activities)
        if not wanted or each.id in wanted
    ]
    newest = sorted(found, key=lambda each: each[:2], reverse=True)
    page, token = _page(newest, call, 100)
    return {"Activities": [_told_activity(group, each) for _, _, group, each in page], "NextToken": token}


def _told_activity(group: Group, activity: Activity) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ActivityId": activity.id,
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": _time(activity.started),
        "StatusCode": activity.status,
        "Progress": activity.progress,
        "Details": _json(activity.details),
    }
    if activity.ended is not None:
        told["EndTime"] = _time(activity.ended)
    if activity.message:
        told["StatusMessage"] = activity.message
    return told


def _json(details: Mapping[str, str]) -> str:
    return json.dumps(dict(details), separators=(",", ":"))


def _set_desired_capacity(call: _Request) -> None:
    group, desired = call.changed_group, call.number("DesiredCapacity")
    if desired is not None and desired > group.maximum:
        raise GroupError(
            f"New SetDesiredCapacity value {desired} is above max value {group.maximum} for the "
            "AutoScalingGroup."
        )
    if desired is not None and desired < group.minimum:
        raise GroupError(
            f"New SetDesiredCapacity value {desired} is below min value {group.minimum} for the "
            "AutoScalingGroup."
        )
    group.resize("a user request explicitly set group desired capacity", desired=desired)


def _terminate(call: _Request) -> dict[str, Any]:
    instance = str(call["InstanceId"])
    held = next(
        (
            (g, m)
            for g, m in call.groups.holders(instance)
            if (g.account, g.region) == (call.account, call.region)
        ),
        None,
    )
    if held is None:
        raise GroupError(f"Instance Id not found - No managed instance found for instance ID: {instance}")
    group, member = held
    before = group.desired
    cause = (
        f"At {moment(call.now)} instance {instance} was taken out of service in response to a user request"
    )
    if call.truth("ShouldDecrementDesiredCapacity"):
        group.resize("a user request explicitly set group desired capacity", desired=before - 1)
        cause += f", shrinking the capacity from {before} to {before - 1}"
    if member.counts:
        member.activity.end(call.now)
        member.state, member.leaving = TERMINATING, call.now
        details = {"Availability Zone": member.zone}
        member.activity = group.record(
            Activity(f"Terminating EC2 instance: {instance}", f"{cause}.", call.now, details)
        )
    ec2_backends[group.account][group.region].terminate_instances([instance])
    return {"Activity": _told_activity(group, member.activity)}


def _suspend(call: _Request) -> None:
    group = call.changed_group
    for name in call["ScalingProcesses"] or PROCESSES:
        if name not in PROCESSES:
            raise GroupError(f"{name} is not a valid process type.")
        group.suspended[name] = f"User suspended at {moment(call.now)}"


def _resume(call: _Request) -> None:
    group = call.changed_group
    for name in call["ScalingProcesses"] or PROCESSES:
        group.suspended.pop(name, None)


def _tag(group: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ResourceId": group,
        "ResourceType": _RESOURCE_TYPE,
        "Key": asked["Key"],
        "Value": asked.get("Value") or "",
        "PropagateAtLaunch": _truth(asked.get("PropagateAtLaunch")),
    }


def _set_tags(call: _Request) -> None:
    for each in call["Tags"] or ():
        group = call.groups.get(call.account, call.region, each["ResourceId"])
        kept = [tag for tag in group.tags if tag["Key"] != each["Key"]]
        group.tags = [*kept, _tag(group.name, each)]


def _remove_tags(call: _Request) -> None:
    for each in call["Tags"] or ():
        group = call.groups.get(call.account, call.region, each["ResourceId"])
        group.tags = [tag for tag in group.tags if tag["Key"] != each["Key"]]


def _describe_tags(call: _Request) -> dict[str, Any]:
    attributes = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value"}
    found = [tag for group in call.groups.of(call.account, call.region) for tag in group.tags]
    for each in call["Filters"] or ():
        attribute = attributes.get(each["Name"])
        if attribute is None:
            raise GroupError(f"The filter {each['Name']} is not one of the sandbox.")
        found = [tag for tag in found if tag[attribute] in each["Values"]]
    page, token = _page(found, call, 50)
    return {"Tags": page, "NextToken": token}


def _protect(call: _Request) -> None:
    group = call.changed_group
    for instance in call["InstanceIds"] or ():
        if instance not in group.members:
            raise GroupError(f"The instance {instance} is not part of Auto Scaling group {group.name}.")
        group.members[instance].is_protected = call.truth("ProtectedFromScaleIn")


def _put_action(call: _Request) -> None:
    group, name = call.changed_group, str(call["ScheduledActionName"])
    start = call["StartTime"] or call["Time"]
    if call["Recurrence"] or call["EndTime"]:
        raise GroupError(
            "The sandbox carries out scheduled actions once: with StartTime, without Recurrence."
        )
    if start is None:
        raise GroupError("Either Recurrence or StartTime must be given.")
    due = _seconds(start)
    if due <= call.now:
        raise GroupError("Given start time is in the past")
    minimum, maximum, desired = (call.number(size) for size in ("MinSize", "MaxSize", "DesiredCapacity"))
    if minimum is None and maximum is None and desired is None:
        raise GroupError("At least one of MinSize, MaxSize and DesiredCapacity must be given.")
    known = group.actions.get(name)
    arn = known.arn if known else _action_arn(call, group, name)
    zone = call["TimeZone"]
    group.actions[name] = ScheduledAction(name, arn, due, minimum, maximum, desired, zone)


def _action_arn(call: _Request, group: Group, name: str) -> str:
    return (
        f"arn:{call.partition}:autoscaling:{call.region}:{call.account}:scheduledUpdateGroupAction:{uuid.uuid4()}"
        f":autoScalingGroupName/{group.name}:scheduledActionName/{name}"
    )


def _describe_actions(call: _Request) -> dict[str, Any]:
    groups = [call.group] if call["AutoScalingGroupName"] else call.groups.of(call.account, call.region)
    wanted = call["ScheduledActionNames"]
    found = [
        _told_action(group, each)
        for group in groups
        for each in group.actions.values()
        if not wanted or each.name in wanted
    ]
    page, token = _page(found, call, 50)
    return {"ScheduledUpdateGroupActions": page, "NextToken": token}


def _told_action(group: Group, action: ScheduledAction) -> dict[str, Any]:
    told = {
        "AutoScalingGroupName": group.name,
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "Time": _time(action.start),
        "StartTime": _time(action.start),
        "MinSize": action.minimum,
        "MaxSize": action.maximum,
        "DesiredCapacity": action.desired,
        "TimeZone": action.time_zone,
    }
    return {name: value for name, value in told.items() if value is not None}


def _delete_action(call: _Request) -> None:
    group, name = call.group, str(call["ScheduledActionName"])
    if group.actions.pop(name, None) is None:
        raise GroupError("Scheduled action name not found")


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    text = str(value).replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise GroupError(f"The time {value} cannot be read.") from error


def _truth(value: Any) -> bool:
    return str(value).lower() == "true"
