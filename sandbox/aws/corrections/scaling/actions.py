"""Scheduled actions."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.aws.cloud.scaling.groups import Group, GroupError, ScheduledAction
from sandbox.aws.corrections.scaling.call import GroupCall, page_of, seconds_of
from sandbox.aws.corrections.scaling.told import told_action


def put(call: GroupCall) -> None:
    """PutScheduledUpdateGroupAction, for actions that happen once."""
    group, name = call.changed_group, str(call["ScheduledActionName"])
    start = call["StartTime"] or call["Time"]
    if call["Recurrence"] or call["EndTime"]:
        raise GroupError(
            "The sandbox carries out scheduled actions once: with StartTime, without Recurrence."
        )
    if start is None:
        raise GroupError("Either Recurrence or StartTime must be given.")
    due = seconds_of(start)
    if due <= call.now:
        raise GroupError("Given start time is in the past")
    minimum, maximum, desired = (call.number(size) for size in ("MinSize", "MaxSize", "DesiredCapacity"))
    if minimum is None and maximum is None and desired is None:
        raise GroupError("At least one of MinSize, MaxSize and DesiredCapacity must be given.")
    known = group.actions.get(name)
    arn = known.arn if known else _action_arn(call, group, name)
    zone = call["TimeZone"]
    group.actions[name] = ScheduledAction(name, arn, due, minimum, maximum, desired, zone)


def _action_arn(call: GroupCall, group: Group, name: str) -> str:
    return (
        f"arn:{call.partition}:autoscaling:{call.region}:{call.account}:scheduledUpdateGroupAction:{uuid.uuid4()}"
        f":autoScalingGroupName/{group.name}:scheduledActionName/{name}"
    )


def listed(call: GroupCall) -> dict[str, Any]:
    """DescribeScheduledActions: those that have not been carried out."""
    groups = [call.group] if call["AutoScalingGroupName"] else call.groups.of(call.account, call.region)
    wanted = call["ScheduledActionNames"]
    found = [
        told_action(group, each)
        for group in groups
        for each in group.actions.values()
        if not wanted or each.name in wanted
    ]
    page, token = page_of(found, call, 50)
    return {"ScheduledUpdateGroupActions": page, "NextToken": token}


def delete(call: GroupCall) -> None:
    """DeleteScheduledAction."""
    group, name = call.group, str(call["ScheduledActionName"])
    if group.actions.pop(name, None) is None:
        raise GroupError("Scheduled action name not found")
