"""Groups, machines, activities and scheduled actions as the API returns them."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.cloud.scaling.groups import Activity, Group, Member, ScheduledAction
from sandbox.aws.corrections.scaling.call import time_of


def told_group(group: Group) -> dict[str, Any]:
    """A group as DescribeAutoScalingGroups returns it."""
    return {
        **group.settings,
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "MinSize": group.minimum,
        "MaxSize": group.maximum,
        "DesiredCapacity": group.desired,
        "CreatedTime": time_of(group.created),
        "Instances": [told_member(each) for each in group.members.values()],
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


def told_member(member: Member) -> dict[str, Any]:
    """A machine of a group."""
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


def told_activity(group: Group, activity: Activity) -> dict[str, Any]:
    """A scaling activity."""
    told: dict[str, Any] = {
        "ActivityId": activity.id,
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": time_of(activity.started),
        "StatusCode": activity.status,
        "Progress": activity.progress,
        "Details": json.dumps(dict(activity.details), separators=(",", ":")),
    }
    if activity.ended is not None:
        told["EndTime"] = time_of(activity.ended)
    if activity.message:
        told["StatusMessage"] = activity.message
    return told


def told_action(group: Group, action: ScheduledAction) -> dict[str, Any]:
    """A scheduled action; a size that it leaves as it is is left out."""
    told = {
        "AutoScalingGroupName": group.name,
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "Time": time_of(action.start),
        "StartTime": time_of(action.start),
        "MinSize": action.minimum,
        "MaxSize": action.maximum,
        "DesiredCapacity": action.desired,
        "TimeZone": action.time_zone,
    }
    return {name: value for name, value in told.items() if value is not None}
