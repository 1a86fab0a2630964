"""Every resource that can carry tags says whose it is, so that nothing is ever left without an owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.tags import CREATED_BY, CREATOR, REQUIRED
from policies.rule import UNKNOWN, Judged, Rule, section

INSTANCE = "aws:ec2/instance:Instance"

TAGGABLE = frozenset(
    {
        INSTANCE,
        "aws:ebs/volume:Volume",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/role:Role",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:ssm/parameter:Parameter",
        "aws:cloudwatch/logGroup:LogGroup",
    }
)


def missing_tags(resource: Judged) -> Iterator[str]:
    """The identity tags that ``tagsAll`` lacks; on an instance also those that its root volume lacks."""
    yield from _missing(resource.inputs.get("tagsAll"), "the resource")
    if resource.type == INSTANCE:
        yield from _missing(section(resource.inputs, "rootBlockDevice").get("tags"), "its root volume")


def _missing(tags: Any, what: str) -> Iterator[str]:
    if tags is UNKNOWN:
        return
    found = tags if isinstance(tags, Mapping) else {}
    absent = [key for key in REQUIRED if not found.get(key)]
    if absent:
        yield f"{what} lacks the tags {', '.join(absent)}"
    if found.get(CREATED_BY, CREATOR) not in (CREATOR, UNKNOWN):
        yield f"{what} has {CREATED_BY}={found[CREATED_BY]}; allowed: {CREATOR}"


RULE = Rule(
    name="required-tags",
    description="Everything that can carry tags carries the tags that identify its job and owner.",
    types=TAGGABLE,
    check=missing_tags,
)
