"""The ARNs and tags of resources, by which policies scope calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.aws.cloud.scaling.groups import Groups

_NONE = "00000000-0000-0000-0000-000000000000"
"""In place of the unique part in the ARN of a group that does not exist."""


@dataclass(frozen=True)
class Tagged:
    """A resource that a call names, which need not exist."""

    arn: str
    tags: Mapping[str, str] = field(default_factory=dict)


class TaggedResources(Protocol):
    """Looks resources up; called with the cloud's lock held."""

    def group(self, account: str, region: str, name: str) -> Tagged:
        """An Auto Scaling group by name."""

    def group_of(self, account: str, region: str, instance: str) -> str:
        """The name of the group that holds an instance, or an empty text."""

    def in_ec2(self, account: str, region: str, kind: str, identity: str) -> Tagged:
        """A resource of EC2; `kind` as in its ARN."""


@dataclass(frozen=True)
class MotoResources:
    """Looks resources up in moto's tables."""

    groups: Groups
    partition: str = "aws"

    def group(self, account: str, region: str, name: str) -> Tagged:
        known = self.groups.find(account, region, name)
        if known is not None:
            return Tagged(known.arn, {each["Key"]: each["Value"] for each in known.tags})
        place = f"arn:{self.partition}:autoscaling:{region}:{account}:autoScalingGroup"
        return Tagged(f"{place}:{_NONE}:autoScalingGroupName/{name}")

    def group_of(self, account: str, region: str, instance: str) -> str:
        holders = self.groups.holders(instance)
        here = (group.name for group, _ in holders if (group.account, group.region) == (account, region))
        return next(here, "")

    def in_ec2(self, account: str, region: str, kind: str, identity: str) -> Tagged:
        from moto.ec2.models import ec2_backends

        tags = ec2_backends[account][region].tags.get(identity, {})
        return Tagged(f"arn:{self.partition}:ec2:{region}:{account}:{kind}/{identity}", dict(tags))
