"""Auto Scaling groups of one: what they have, what they tried, and their end."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runctl_auto.errors import CloudError
from runctl_auto.local.printable import printable
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.contract import Launch, MachineGroup

_LAST = 20
_IN_ONE_CALL = 50
_MACHINE = re.compile(r"\bi-[0-9a-f]{8,17}\b")
_CODE = re.compile(r"\b([A-Z][A-Za-z]+(?:\.[A-Za-z]+)*) - ")
"""Error code and message, as Auto Scaling joins them."""
_LAUNCHING = "Launching a new EC2 instance"
_NO_GROUP = "ValidationError"


def find_groups(cloud: Cloud, names: Sequence[str]) -> dict[str, MachineGroup]:
    """Those of the groups that exist, by name; one request for up to 50 of them."""
    found: dict[str, MachineGroup] = {}
    for start in range(0, len(names), _IN_ONE_CALL):
        wanted = list(names[start : start + _IN_ONE_CALL])
        for each in cloud.pages(
            "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", AutoScalingGroupNames=wanted
        ):
            name = str(each["AutoScalingGroupName"])
            machines = tuple(str(machine["InstanceId"]) for machine in each.get("Instances") or ())
            found[name] = MachineGroup(name, int(each["DesiredCapacity"]), machines)
    return found


def last_launches(cloud: Cloud, group: str) -> tuple[Launch, ...]:
    """The last launches, the newest first; none for an unknown group."""
    try:
        answer = cloud.call(
            "autoscaling", "describe_scaling_activities", AutoScalingGroupName=group, MaxRecords=_LAST
        )
    except CloudError as error:
        if error.code == _NO_GROUP:
            return ()
        raise
    found = (each for each in answer.get("Activities") or () if _is_launch(each))
    return tuple(_launch(each) for each in found)


def end_group(cloud: Cloud, group: str) -> None:
    """Makes the group want no machine. Idempotent; a group that does not exist has ended."""
    try:
        cloud.call("autoscaling", "set_desired_capacity", AutoScalingGroupName=group, DesiredCapacity=0)
    except CloudError:
        if group in find_groups(cloud, [group]):
            raise


def _is_launch(activity: Mapping[str, Any]) -> bool:
    return str(activity.get("Description") or "").startswith(_LAUNCHING)


def _launch(activity: Mapping[str, Any]) -> Launch:
    failed = activity.get("StatusCode") in ("Failed", "Cancelled")
    machine = _MACHINE.search(str(activity.get("Description") or ""))
    message = str(activity.get("StatusMessage") or "no reason given")
    code = _CODE.search(message)
    place = _details(activity)
    return Launch(
        id=str(activity["ActivityId"]),
        at=activity["StartTime"],
        machine=machine[0] if machine and not failed else None,
        failure=printable(message) if failed else None,
        code=code[1] if code and failed else None,
        zone=place.get("Availability Zone"),
        subnet=place.get("Subnet ID"),
    )


def _details(activity: Mapping[str, Any]) -> dict[str, str]:
    """Where it was tried; empty when that is not told in the form that AWS documents."""
    try:
        found = json.loads(activity.get("Details") or "{}")
    except ValueError:
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {name: printable(value) for name, value in known if isinstance(value, str)}
