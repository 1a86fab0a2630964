"""Calls that change groups and their machines."""

from __future__ import annotations

import uuid
from typing import Any

from moto.ec2.models import ec2_backends

from sandbox.aws.cloud.scaling.groups import (
    PROCESSES,
    TERMINATING,
    Activity,
    Group,
    GroupError,
    check_sizes,
    moment,
)
from sandbox.aws.corrections.scaling.call import GroupCall
from sandbox.aws.corrections.scaling.launches import set_launch
from sandbox.aws.corrections.scaling.settings import DEFAULTS, refuse_unsupported, stored_settings
from sandbox.aws.corrections.scaling.tags import stored_tag
from sandbox.aws.corrections.scaling.told import told_activity

_IN_USE = (
    "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
    "still in the group."
)


def create(call: GroupCall) -> None:
    """CreateAutoScalingGroup; the keeper launches its machines."""
    refuse_unsupported(call)
    minimum, maximum = call.number("MinSize") or 0, call.number("MaxSize") or 0
    desired = call.number("DesiredCapacity")
    wanted = minimum if desired is None else desired
    check_sizes(minimum, maximum, wanted)
    name = str(call["AutoScalingGroupName"])
    arn = (
        f"arn:{call.partition}:autoscaling:{call.region}:{call.account}:autoScalingGroup:{uuid.uuid4()}"
        f":autoScalingGroupName/{name}"
    )
    settings = {**DEFAULTS, **stored_settings(call)}
    role = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/autoscaling.amazonaws.com"
    settings.setdefault("ServiceLinkedRoleARN", f"{role}/AWSServiceRoleForAutoScaling")
    group = Group(name, arn, call.account, call.region, call.now, minimum, maximum, wanted, settings)
    group.tags = [stored_tag(name, each) for each in call["Tags"] or ()]
    group.wanted_because = (
        f"a user request created an AutoScalingGroup changing the desired capacity from 0 to {wanted}."
    )
    set_launch(call, group)
    if "VPCZoneIdentifier" not in group.settings:
        raise GroupError("The sandbox's groups need subnets: VPCZoneIdentifier is missing.")
    call.groups.add(group)


def update(call: GroupCall) -> None:
    """UpdateAutoScalingGroup: what the call does not name stays; a refused one changes nothing."""
    refuse_unsupported(call)
    group = call.changed_group
    before = dict(group.settings)
    try:
        group.settings.update(stored_settings(call))
        set_launch(call, group)
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


def delete(call: GroupCall) -> None:
    """DeleteAutoScalingGroup; by force the group exists until its machines have ended."""
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


def set_desired_capacity(call: GroupCall) -> None:
    """SetDesiredCapacity."""
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


def terminate(call: GroupCall) -> dict[str, Any]:
    """TerminateInstanceInAutoScalingGroup; a capacity that is not decremented brings a replacement."""
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
    return {"Activity": told_activity(group, member.activity)}


def suspend(call: GroupCall) -> None:
    """SuspendProcesses, all of them unless some are named."""
    group = call.changed_group
    for name in call["ScalingProcesses"] or PROCESSES:
        if name not in PROCESSES:
            raise GroupError(f"{name} is not a valid process type.")
        group.suspended[name] = f"User suspended at {moment(call.now)}"


def resume(call: GroupCall) -> None:
    """ResumeProcesses, all of them unless some are named."""
    group = call.changed_group
    for name in call["ScalingProcesses"] or PROCESSES:
        group.suspended.pop(name, None)


def protect(call: GroupCall) -> None:
    """SetInstanceProtection."""
    group = call.changed_group
    for instance in call["InstanceIds"] or ():
        if instance not in group.members:
            raise GroupError(f"The instance {instance} is not part of Auto Scaling group {group.name}.")
        group.members[instance].is_protected = call.truth("ProtectedFromScaleIn")
