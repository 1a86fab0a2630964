"""What a volume held at a moment: a snapshot of it, or a copy of a snapshot in another region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.protection import Protected

TYPE = "runctl:aws:VolumeSnapshot"

_PATIENCE = "24h"
"""The first snapshot of a large volume, and a copy between regions, take hours."""


@dataclass(frozen=True, kw_only=True)
class SnapshotCopySource:
    """The snapshot that is copied, and its region."""

    snapshot: str
    region: str


@dataclass(frozen=True, kw_only=True)
class VolumeSnapshotArgs:
    """``label`` is shown in the console. ``source`` is the id of the volume, or the snapshot that is copied;
    after the creation, changing it has no effect.
    """

    label: str
    source: str | SnapshotCopySource
    protect: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class VolumeSnapshot(pulumi.ComponentResource):
    """A snapshot, encrypted as its volume is, or an encrypted copy of one."""

    snapshot_id: pulumi.Output[str]

    def __init__(self, name: str, args: VolumeSnapshotArgs, opts: pulumi.ResourceOptions | None = None):
        protected = Protected(protect=args.protect)
        own = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=args.protect))
        super().__init__(TYPE, name, {"protect": args.protect}, own)
        tags = {"Name": args.label, **protected.tags(args.tags)}
        if isinstance(args.source, SnapshotCopySource):
            self.snapshot_id = _copy(f"{name}-snapshot", args.source, tags, self)
        else:
            self.snapshot_id = _snapshot(f"{name}-snapshot", args.source, tags, self)
        self.register_outputs({"snapshotId": self.snapshot_id})


def _snapshot(name: str, volume: str, tags: Mapping[str, str], parent: pulumi.Resource) -> pulumi.Output[str]:
    snapshot = aws.ebs.Snapshot(name, volume_id=volume, tags=tags, opts=_kept_as_made(parent, ["volumeId"]))
    identity: pulumi.Output[str] = snapshot.id
    return identity


def _copy(
    name: str, source: SnapshotCopySource, tags: Mapping[str, str], parent: pulumi.Resource
) -> pulumi.Output[str]:
    copy = aws.ebs.SnapshotCopy(
        name,
        source_snapshot_id=source.snapshot,
        source_region=source.region,
        encrypted=True,
        tags=tags,
        opts=_kept_as_made(parent, ["sourceSnapshotId", "sourceRegion"]),
    )
    identity: pulumi.Output[str] = copy.id
    return identity


def _kept_as_made(parent: pulumi.Resource, ignored: list[str]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(
        parent=parent,
        ignore_changes=ignored,
        custom_timeouts=pulumi.CustomTimeouts(create=_PATIENCE),
    )
