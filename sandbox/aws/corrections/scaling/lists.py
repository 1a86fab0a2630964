"""Calls that list groups, their machines and their activities."""

from __future__ import annotations

from typing import Any

from sandbox.aws.cloud.scaling.groups import Group, GroupError
from sandbox.aws.corrections.scaling.call import GroupCall, page_of
from sandbox.aws.corrections.scaling.told import told_activity, told_group, told_member


def groups(call: GroupCall) -> dict[str, Any]:
    """DescribeAutoScalingGroups, by name and by tags."""
    names = call["AutoScalingGroupNames"]
    found = [
        each
        for each in call.groups.of(call.account, call.region)
        if (not names or each.name in names) and _passes(each, call["Filters"] or ())
    ]
    page, token = page_of(found, call, 50)
    return {"AutoScalingGroups": [told_group(each) for each in page], "NextToken": token}


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


def instances(call: GroupCall) -> dict[str, Any]:
    """DescribeAutoScalingInstances."""
    wanted = call["InstanceIds"]
    found = [
        {**told_member(member), "AutoScalingGroupName": group.name}
        for group in call.groups.of(call.account, call.region)
        for member in group.members.values()
        if not wanted or member.id in wanted
    ]
    page, token = page_of(found, call, 50)
    return {"AutoScalingInstances": page, "NextToken": token}


def activities(call: GroupCall) -> dict[str, Any]:
    """DescribeScalingActivities, the newest first."""
    groups = [call.group] if call["AutoScalingGroupName"] else call.groups.of(call.account, call.region)
    wanted = call["ActivityIds"]
    found = [
        (each.started, number, group, each)
        for group in groups
        for number, each in enumerate(group.activities)
        if not wanted or each.id in wanted
    ]
    newest = sorted(found, key=lambda each: each[:2], reverse=True)
    page, token = page_of(newest, call, 100)
    return {"Activities": [told_activity(group, each) for _, _, group, each in page], "NextToken": token}
