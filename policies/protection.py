"""Resources with a protection tag are protected, and protected buckets cannot be emptied."""

from __future__ import annotations

from collections.abc import Iterator

from components.tags import PROTECTION_TAGS, is_protecting
from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, section, shown

BUCKET = "aws:s3/bucket:Bucket"


def tag_without_option(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A protection tag on a resource that the engine would still delete."""
    if resource.protect:
        return
    tags = {**section(resource.inputs, "tags"), **section(resource.inputs, "tagsAll")}
    given = {key: tags[key] for key in sorted(PROTECTION_TAGS & tags.keys()) if tags[key] is not UNKNOWN}
    for key, value in given.items():
        if is_protecting({key: value}):
            yield Violation(
                found=f"the tag {key}={shown(value)} without the option protect",
                allowed="both or neither",
            )


def emptied_although_protected(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A protected bucket whose deletion would delete its objects first."""
    tags = {**section(resource.inputs, "tags"), **section(resource.inputs, "tagsAll")}
    known = {key: value for key, value in tags.items() if value is not UNKNOWN}
    if (resource.protect or is_protecting(known)) and resource.inputs.get("forceDestroy") is True:
        yield Violation(found="forceDestroy is true on a protected bucket", allowed="false")


TAG_RULE = Rule(
    name="protection-tag-protects",
    description="What carries a protection tag has the option protect.",
    reads=frozenset({"tags", "tagsAll"}),
    check=tag_without_option,
)
BUCKET_RULE = Rule(
    name="no-force-destroy-of-protected",
    description="A protected bucket is never emptied by a deletion.",
    types=frozenset({BUCKET}),
    reads=frozenset({"forceDestroy", "tags", "tagsAll"}),
    check=emptied_although_protected,
)
