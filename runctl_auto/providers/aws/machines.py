"""The state of a job's machine in the cloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components import tags
from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.contract import GONE, Machine, TaggedMachine

GROUP_TAG = "aws:autoscaling:groupName"
"""What an Auto Scaling group gives its instances."""

_IN_ONE_FILTER = 200
_ALIVE = ("pending", "running", "stopping", "stopped")
_UNKNOWN_INSTANCE = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


def running_machines(cloud: Cloud, instances: Sequence[str]) -> frozenset[str]:
    """Which of ``instances`` have not ended; one request for up to 200 of them. Raises CloudError."""
    found: set[str] = set()
    for start in range(0, len(instances), _IN_ONE_FILTER):
        # By filter: an id that EC2 no longer knows is omitted from the response instead of an error.
        wanted = [{"Name": "instance-id", "Values": list(instances[start : start + _IN_ONE_FILTER])}]
        for group in cloud.pages("ec2", "describe_instances", "Reservations", Filters=wanted):
            found.update(
                each["InstanceId"]
                for each in group["Instances"]
                if not Machine(each["InstanceId"], each["State"]["Name"]).has_ended
            )
    return frozenset(found)


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
    described = found[0]
    return Machine(
        id=instance,
        state=described["State"]["Name"],
        zone=described.get("Placement", {}).get("AvailabilityZone"),
        type=described.get("InstanceType"),
        reason=described.get("StateReason", {}).get("Message"),
    )


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
