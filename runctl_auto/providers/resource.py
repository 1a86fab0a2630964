"""Something of runctl's that exists in the cloud, as the services' own lists tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runctl_auto.stack.state import StackState

INSTANCE = "instance"
VOLUME = "volume"
INTERFACE = "network interface"
SECURITY_GROUP = "security group"
SPOT_REQUEST = "spot request"
SNAPSHOT = "snapshot"
LAUNCH_TEMPLATE = "launch template"
KEY_PAIR = "key pair"
BUCKET = "bucket"
UPLOAD = "multipart upload"
ROLE = "role"
PROFILE = "instance profile"
PARAMETER = "parameter"
LOG_GROUP = "log group"
ROLE_POLICY = "role policy"
SCHEDULE = "schedule"
SCHEDULE_GROUP = "schedule group"

KIND_OF_TYPE: Mapping[str, str] = {
    "aws:ec2/instance:Instance": INSTANCE,
    "aws:ebs/volume:Volume": VOLUME,
    "aws:ec2/securityGroup:SecurityGroup": SECURITY_GROUP,
    "aws:iam/role:Role": ROLE,
    "aws:iam/instanceProfile:InstanceProfile": PROFILE,
    "aws:s3/bucket:Bucket": BUCKET,
    "aws:ssm/parameter:Parameter": PARAMETER,
    "aws:ec2/networkInterface:NetworkInterface": INTERFACE,
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": SPOT_REQUEST,
    "aws:ebs/snapshot:Snapshot": SNAPSHOT,
    "aws:ec2/launchTemplate:LaunchTemplate": LAUNCH_TEMPLATE,
    "aws:ec2/keyPair:KeyPair": KEY_PAIR,
    "aws:cloudwatch/logGroup:LogGroup": LOG_GROUP,
    "aws:scheduler/schedule:Schedule": SCHEDULE,
    "aws:scheduler/scheduleGroup:ScheduleGroup": SCHEDULE_GROUP,
}
"""What a resource of a state is called here, for those that the services' lists tell by themselves."""

Key = tuple[str, str]
"""Kind and id. An id alone may be that of two things: a role and its instance profile have one name."""

_KINDS_ABOVE: Mapping[str, tuple[str, ...]] = {
    INSTANCE: (SECURITY_GROUP, SPOT_REQUEST),
    VOLUME: (INSTANCE,),
    INTERFACE: (INSTANCE, SECURITY_GROUP),
    SPOT_REQUEST: (INSTANCE,),
    SNAPSHOT: (VOLUME,),
    UPLOAD: (BUCKET,),
    PROFILE: (ROLE,),
    SCHEDULE: (SCHEDULE_GROUP,),
}
"""Of what kinds that is on which a thing hangs."""

How = Literal["tag", "name", "relation"]


@dataclass(frozen=True)
class CloudResource:
    """Something that exists. ``remove`` is a command of the AWS CLI that removes it.

    ``sure`` is False when nothing but a name, and not one that runctl gives, speaks for it. ``cost_hour`` is
    USD, None when unknown. ``parent`` is the id of what it hangs on; a ``part`` ends with its parent.
    """

    kind: str
    id: str
    remove: str
    protected: bool = False
    name: str = ""
    job: str = ""
    owner: str = ""
    backend: str = ""
    how: How = "tag"
    sure: bool = True
    created_at: datetime | None = None
    cost_hour: float | None = None
    parent: str = ""
    part: bool = False

    @property
    def key(self) -> Key:
        return (self.kind, self.id)

    @property
    def keys_in_states(self) -> frozenset[Key]:
        """Under which a state may hold it: key pairs are resources by their name."""
        return frozenset({self.key, (self.kind, self.name)} if self.kind == KEY_PAIR else {self.key})

    @property
    def keys_above(self) -> frozenset[Key]:
        """Under which that may be found on which it hangs; empty when it hangs on nothing."""
        kinds = _KINDS_ABOVE.get(self.kind, ()) if self.parent else ()
        return frozenset((kind, self.parent) for kind in kinds)

    def age_seconds(self, now: datetime) -> float | None:
        """Since when it exists, in seconds; None when the service does not tell."""
        return None if self.created_at is None else max(0.0, (now - self.created_at).total_seconds())


@dataclass(frozen=True)
class Unchecked:
    """A kind of thing that could not be looked for."""

    kind: str
    why: str


@dataclass(frozen=True)
class Survey:
    """What a look at the cloud found, what of it is somebody else's, and where it could not look."""

    found: tuple[CloudResource, ...] = ()
    foreign: tuple[CloudResource, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()


def keys_in(state: StackState) -> frozenset[Key]:
    """Kind and id of all that a state holds, of the kinds that can be looked for."""
    return frozenset(
        (KIND_OF_TYPE[each.type], each.id)
        for each in state.in_cloud()
        if each.id and each.type in KIND_OF_TYPE
    )


def read_tags(listed: object) -> dict[str, str]:
    """Tags by key, from a service's list of ``{"Key", "Value"}``."""
    entries = listed if isinstance(listed, list) else []
    return {each["Key"]: each["Value"] for each in entries if isinstance(each, Mapping)}
