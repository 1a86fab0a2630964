"""The state of a job's machine in the cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from components import tags
from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.contract import GONE, Machine, TaggedMachine

GROUP_TAG = "aws:autoscaling:groupName"
"""What an Auto Scaling group gives its instances."""

_IN_ONE_FILTER = 200
_ALIVE = ("pending", "running", "stopping", "stopped")
_TRANSITION = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")
_UNKNOWN_INSTANCE = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


def find_machines(cloud: Cloud, instances: Sequence[str]) -> Mapping[str, Machine]:
    """The current state of each of ``instances`` by id; one request for up to 200 of them. An unknown id is a
    machine that is ``gone``. Raises CloudError.
    """
    found = {each: Machine(each, GONE) for each in instances}
    for start in range(0, len(instances), _IN_ONE_FILTER):
        # By filter: an id that EC2 no longer knows is omitted from the response instead of an error.
        wanted = [{"Name": "instance-id", "Values": list(instances[start : start + _IN_ONE_FILTER])}]
        for group in cloud.pages("ec2", "describe_instances", "Reservations", Filters=wanted):
            found.update((each["InstanceId"], _machine(each)) for each in group["Instances"])
    return found


def find_machine(cloud: Cloud, instance: str) -> Machine:
    """The current state of the machine; one request. An unknown id is a machine that is ``gone``."""
    try:
        answer = cloud.call("ec2", "describe_instances", InstanceIds=[instance])
    except CloudError as error:
        if isinstance(error, NotFoundError) or error.code in _UNKNOWN_INSTANCE:
            return Machine(instance, GONE)
        raise
    found = [each for group in answer["Reservations"] for each in group["Instances"]]
    if not found:
        return Machine(instance, GONE)
    return _machine({"InstanceId": instance, **found[0]})


def _machine(described: Mapping[str, Any]) -> Machine:
    return Machine(
        id=described["InstanceId"],
        state=described["State"]["Name"],
        zone=described.get("Placement", {}).get("AvailabilityZone"),
        type=described.get("InstanceType"),
        reason=described.get("StateReason", {}).get("Message"),
        launched_at=described.get("LaunchTime"),
        ended_at=_ended_at(described.get("StateTransitionReason") or ""),
    )


def console_output(cloud: Cloud, instance: str) -> str:
    """The end of the console output, at most 64 KB, as botocore decodes it; empty when EC2 has none (yet).

    EC2 posts it after a change of the instance's state and keeps it for an hour or more. Raises CloudError.
    """
    return str(cloud.call("ec2", "get_console_output", InstanceId=instance).get("Output") or "")


def _ended_at(reason: str) -> datetime | None:
    """When the machine began to stop or to terminate: ``User initiated (2026-01-31 12:00:00 GMT)``. None
    while it runs, and when it shut itself down, of which EC2 tells no time.
    """
    told = _TRANSITION.search(reason)
    try:
        return datetime.fromisoformat(f"{told[1]}+00:00") if told else None
    except ValueError:
        return None


def tagged_machines(cloud: Cloud) -> Iterator[TaggedMachine]:
    """All instances created by runctl that are not terminating. Raises CloudError."""
    filters = [
        {"Name": f"tag:{tags.CREATED_BY}", "Values": [tags.CREATOR]},
        {"Name": "instance-state-name", "Values": list(_ALIVE)},
    ]
    for group in cloud.pages("ec2", "describe_instances", "Reservations", Filters=filters):
        for each in group["Instances"]:
            found = read_tags(each.get("Tags"))
            yield TaggedMachine(each["InstanceId"], each["LaunchTime"], found, found.get(GROUP_TAG))
