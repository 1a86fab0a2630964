"""Something of runctl's that exists in the cloud, as the services' own lists tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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

KIND_OF_TYPE: Mapping[str, str] = {
    "aws:ec2/instance:Instance": INSTANCE,
    "aws:ebs/volume:Volume": VOLUME,
    "aws:ec2/securityGroup:SecurityGroup": SECURITY_GROUP,
    "aws:iam/role:Role": ROLE,
    "aws:iam/instanceProfile:InstanceProfile": PROFILE,
    "aws:s3/bucket:Bucket": BUCKET,
    "aws:ssm/parameter:Parameter": PARAMETER,
}
"""What a resource of a state is called here, for those that the services' lists tell by themselves."""

How = Literal["tag", "name", "relation"]


@dataclass(frozen=True)
class Found:
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

    found: tuple[Found, ...] = ()
    foreign: tuple[Found, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()


def read_tags(listed: object) -> dict[str, str]:
    """Tags by key, from a service's list of ``{"Key", "Value"}``."""
    entries = listed if isinstance(listed, list) else []
    return {each["Key"]: each["Value"] for each in entries if isinstance(each, Mapping)}
