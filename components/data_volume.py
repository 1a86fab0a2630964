"""A disk whose content outlives the machines of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.protection import Protected

TYPE = "runctl:aws:DataVolume"


@dataclass(frozen=True, kw_only=True)
class DataVolumeArgs:
    """``label`` is shown in the console; the volume and the machine must be in the same ``zone``.

    ``snapshot`` is the initial content of a new volume, read into it at ``initialization_rate`` MiB a second
    (None: as fast as EBS happens to); after the creation, changing them has no effect. ``iops`` and
    ``throughput`` (MiB/s) are those of gp3 by default.
    """

    label: str
    zone: str
    size_gb: int
    snapshot: str | None = None
    initialization_rate: int | None = None
    iops: int | None = None
    throughput: int | None = None
    protect: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class DataVolume(pulumi.ComponentResource):
    """An encrypted gp3 volume. Its attachment belongs to the machine instead, and is never protected."""

    volume_id: pulumi.Output[str]

    def __init__(self, name: str, args: DataVolumeArgs, opts: pulumi.ResourceOptions | None = None):
        protected = Protected(protect=args.protect)
        own = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=args.protect))
        super().__init__(TYPE, name, {"sizeGb": args.size_gb, "protect": args.protect}, own)
        volume = aws.ebs.Volume(
            f"{name}-volume",
            availability_zone=args.zone,
            size=args.size_gb,
            snapshot_id=args.snapshot,
            volume_initialization_rate=args.initialization_rate,
            type="gp3",
            iops=args.iops,
            throughput=args.throughput,
            encrypted=True,
            tags={"Name": args.label, **protected.tags(args.tags)},
            # Deleting or changing the snapshot must not replace the volume, nor another rate.
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["snapshotId", "volumeInitializationRate"]
            ),
        )
        self.volume_id = volume.id
        self.register_outputs({"volumeId": self.volume_id})
