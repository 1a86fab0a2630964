"""Tags of EC2 resources, which share one pair of operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud


def specification(kind: str, tags: Mapping[str, str] | None) -> list[dict[str, Any]] | None:
    """The tag specification for a create call; None when there are no tags."""
    return [{"ResourceType": kind, "Tags": tagging.to_list(tags)}] if tags else None


def apply(
    cloud: Cloud,
    identifier: str,
    title: str,
    before: Mapping[str, str] | None,
    after: Mapping[str, str] | None,
) -> None:
    """Change the tags of one resource from one set to another."""
    doing = f"updating tags for {title} ({identifier})"
    added, removed = tagging.changes(before, after)
    if removed:
        cloud.call(
            "ec2",
            "delete_tags",
            doing,
            Resources=[identifier],
            Tags=[{"Key": key} for key in sorted(removed)],
        )
    if added:
        cloud.call("ec2", "create_tags", doing, Resources=[identifier], Tags=tagging.to_list(added))
