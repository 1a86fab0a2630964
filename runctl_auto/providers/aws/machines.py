"""What became of a job's machine, as the cloud tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.access import Cloud

GONE = "gone"
_IN_ONE_FILTER = 200
_UNKNOWN_INSTANCE = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


@dataclass(frozen=True)
class Machine:
    """An instance. ``state`` is EC2's word, or ``gone`` when EC2 no longer knows it."""

    id: str
    state: str
    zone: str | None = None
    type: str | None = None
    reason: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it is beyond recall: it neither runs nor will."""
        return self.state in ("terminated", GONE)

    @property
    def is_ending(self) -> bool:
        return self.state in ("shutting-down", "stopping", "stopped") or self.has_ended


def running_machines(cloud: Cloud, instances: Sequence[str]) -> frozenset[str]:
    """Which of ``instances`` have not ended; one request for up to 200 of them. Raises CloudError."""
    found: set[str] = set()
    for start in range(0, len(instances), _IN_ONE_FILTER):
        # Asked for by filter: an id that EC2 no longer knows is left out of the answer and is no error.
        wanted = [{"Name": "instance-id", "Values": list(instances[start : start + _IN_ONE_FILTER])}]
        for group in cloud.pages("ec2", "describe_instances", "Reservations", Filters=wanted):
            found.update(
                each["InstanceId"]
                for each in group["Instances"]
                if not Machine(each["InstanceId"], each["State"]["Name"]).has_ended
            )
    return frozenset(found)


def find_machine(cloud: Cloud, instance: str) -> Machine:
    """The machine as it is now; one request. An unknown id is a machine that is ``gone``."""
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
