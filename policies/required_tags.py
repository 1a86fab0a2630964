"""Every resource that supports tags identifies its owner, so that no leftover is without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.tags import CREATED_BY, CREATOR, JOB, OWNER, PROJECT, REQUIRED, STACK
from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, mappings, section

INSTANCE = "aws:ec2/instance:Instance"
GROUP = "aws:autoscaling/group:Group"

TAGGABLE = frozenset(
    {
        INSTANCE,
        "aws:ebs/snapshot:Snapshot",
        "aws:ebs/snapshotCopy:SnapshotCopy",
        "aws:ebs/volume:Volume",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/placementGroup:PlacementGroup",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/role:Role",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:ssm/parameter:Parameter",
        GROUP,
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:scheduler/scheduleGroup:ScheduleGroup",
    }
)


def missing_tags(resource: Judged, _: Settings) -> Iterator[Violation]:
    """The identity tags that ``tagsAll`` lacks; on an instance also those that its root volume lacks; on a
    group those that it does not give its machines.
    """
    if resource.type == GROUP:
        if resource.inputs.get("tags") is not UNKNOWN:
            yield from _missing(_given_at_launch(resource), "a machine of the group")
        return
    yield from _missing(resource.inputs.get("tagsAll"), "the resource")
    if resource.type == INSTANCE and resource.inputs.get("rootBlockDevice") is not UNKNOWN:
        yield from _missing(section(resource.inputs, "rootBlockDevice").get("tags"), "its root volume")


def with_identity(resource: Judged) -> Mapping[str, Any] | None:
    """The inputs to change in order to add the missing tags; None when none is missing.

    Existing tags are unchanged, even wrong ones, and so are inputs that a preview does not know.
    """
    identity = _identity(resource)
    if resource.type == GROUP:
        return _with_identity_at_launch(resource, identity)
    changed: dict[str, Any] = {}
    if _lacks(resource.inputs.get("tagsAll"), identity):
        for key in ("tags", "tagsAll"):
            changed[key] = {**identity, **_given(section(resource.inputs, key))}
    root = resource.inputs.get("rootBlockDevice")
    if resource.type == INSTANCE and isinstance(root, Mapping) and _lacks(root.get("tags"), identity):
        tags = {**identity, **_given(section(root, "tags"))}
        changed["rootBlockDevice"] = {**root, "tags": tags}
    return changed or None


def _given_at_launch(resource: Judged) -> dict[str, Any]:
    """The tags that a group gives its machines."""
    return {
        each.get("key", ""): each.get("value")
        for each in mappings(resource.inputs, "tags")
        if each.get("propagateAtLaunch") is True
    }


def _with_identity_at_launch(resource: Judged, identity: Mapping[str, str]) -> Mapping[str, Any] | None:
    found = _given_at_launch(resource)
    absent = [key for key in identity if not found.get(key)]
    if resource.inputs.get("tags") is UNKNOWN or not absent:
        return None
    kept = [each for each in mappings(resource.inputs, "tags") if each.get("key") not in absent]
    added = [{"key": key, "value": identity[key], "propagateAtLaunch": True} for key in absent]
    return {"tags": [*kept, *added]}


def _identity(resource: Judged) -> dict[str, str]:
    """The known identity tags. The owner is known from the provider's default tags alone."""
    owner = resource.default_tags.get(OWNER)
    known = {PROJECT: resource.project, JOB: resource.stack, STACK: resource.stack, CREATED_BY: CREATOR}
    return {**known, OWNER: owner} if isinstance(owner, str) and owner else known


def _lacks(tags: Any, identity: Mapping[str, str]) -> bool:
    return tags is not UNKNOWN and any(not _given(tags).get(key) for key in identity)


def _given(tags: Any) -> dict[str, Any]:
    return {key: value for key, value in tags.items() if value != ""} if isinstance(tags, Mapping) else {}


def _missing(tags: Any, what: str) -> Iterator[Violation]:
    if tags is UNKNOWN:
        return
    found = tags if isinstance(tags, Mapping) else {}
    absent = [key for key in REQUIRED if not found.get(key)]
    if absent:
        yield Violation(
            found=f"{what} lacks the tags {', '.join(absent)}", allowed="all tags that say whose it is"
        )
    if found.get(CREATED_BY, CREATOR) not in (CREATOR, UNKNOWN, ""):
        yield Violation(found=f"{what} has {CREATED_BY}={found[CREATED_BY]}", allowed=CREATOR)


RULE = Rule(
    name="required-tags",
    description="Everything that can carry tags carries the tags that identify its job and owner.",
    types=TAGGABLE,
    reads=frozenset({"tagsAll", "rootBlockDevice", "tags"}),
    check=missing_tags,
    remedy=with_identity,
)
