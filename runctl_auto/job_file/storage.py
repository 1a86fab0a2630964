"""Fields of a job file about what is stored: volumes, data, checkpoints and artifacts."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, StrictBool, model_validator

from runctl_auto.job_file.field_types import (
    Count,
    InitializationRate,
    MountPoint,
    RelativePath,
    S3Address,
    Seconds,
    SizeGb,
    SnapshotId,
    StorageName,
    VolumeId,
    VolumeName,
)
from runctl_auto.job_file.part import Part
from runctl_auto.job_file.quantities import DURATION_FORM, SIZE_FORM

DEFAULT_RETENTION_DAYS = 3
_DAY_SECONDS = 86_400


class Volume(Part):
    """A disk that outlives the machine: a new one (``size``), or an existing one, by its ``id`` or by the
    name of a ``volume`` with a stack of its own, whose id is found when the job is decided.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["size"], "properties": {"size": {"not": {"type": "null"}}}},
                {"required": ["id"], "properties": {"id": {"not": {"type": "null"}}}},
                {"required": ["volume"], "properties": {"volume": {"not": {"type": "null"}}}},
            ]
        }
    )
    name: VolumeName = Field(
        title="Name of the volume",
        description="lower-case letters, digits and single hyphens, at most 30 characters",
        examples=["data"],
    )
    mount: MountPoint = Field(
        title="Where the machine mounts it",
        description="an absolute path outside the system's folders, such as /data",
        examples=["/data"],
    )
    size: SizeGb | None = Field(default=None, title="Size of a new volume", description=SIZE_FORM)
    id: VolumeId | None = Field(
        default=None,
        title="A volume that exists, used and never deleted",
        description="the id of a volume that exists (vol-...)",
    )
    volume: StorageName | None = Field(
        default=None,
        title="A volume of `runctl volume create`, used and never deleted",
        description="the name of a volume (`runctl volume ls`)",
        examples=["datasets"],
    )
    snapshot: SnapshotId | None = Field(
        default=None,
        title="Snapshot that a new volume begins with",
        description="the id of a snapshot (snap-...)",
    )
    initialization_rate: InitializationRate | None = Field(
        default=None,
        title="MiB a second at which a new volume is filled from its snapshot; billed by the snapshot's size",
        description="a whole number from 100 to 300",
    )
    protect: StrictBool = Field(default=False, title="Keep it when the job goes", description="true or false")

    @model_validator(mode="after")
    def _new_or_existing(self) -> Volume:
        if sum(each is not None for each in (self.size, self.id, self.volume)) != 1:
            raise ValueError("needs one of size (a new volume), id and volume (one that exists)")
        if self.size is None and self.snapshot is not None:
            raise ValueError("has a snapshot and is one that exists, which needs no snapshot")
        if self.initialization_rate is not None and self.snapshot is None:
            raise ValueError("has an initialization_rate and no snapshot to be filled from")
        return self


Strategy = Literal["auto", "direct", "stage", "cache", "volume", "snapshot"]
"""How data come to the job. ``auto`` is the one that ``runctl data plan`` recommends."""


class DataSource(Part):
    """Data of the job in a bucket, and how they come to it; read-only for the job."""

    source: S3Address = Field(
        title="Where the data is", description="s3://BUCKET/PREFIX", examples=["s3://bucket/prefix"]
    )
    path: RelativePath = Field(
        title="Where the job finds it", description="a path inside the work folder", examples=["data/"]
    )
    strategy: Strategy = Field(
        default="stage",
        title="How the data come to the job",
        description="stage, direct, cache, volume, snapshot or auto",
    )
    volume: VolumeName | None = Field(
        default=None,
        title="The volume that keeps them",
        description="a name of volumes; unnecessary when the job has one volume",
        examples=["data"],
    )
    epochs: Count | None = Field(
        default=None,
        title="How often a run reads them all; `auto` decides by it",
        description="a whole number from 1 to 1000",
    )
    runs: Count | None = Field(
        default=None,
        title="How many runs are expected to read them; `auto` decides by it",
        description="a whole number from 1 to 1000",
    )


class Checkpoints(Part):
    """What is saved while the job runs, so that another machine can continue it."""

    path: RelativePath = Field(
        default="checkpoints", title="Folder that is saved", description="a path inside the work folder"
    )
    every: Seconds = Field(default=60, title="How often it is saved", description=DURATION_FORM)
    keep: Count = Field(default=3, title="How many are kept", description="a whole number from 1 to 1000")
    retention: Seconds = Field(
        default=DEFAULT_RETENTION_DAYS * _DAY_SECONDS,
        title="How long overwritten and deleted ones can be recovered",
        description=f"{DURATION_FORM}, in whole days (rounded up)",
    )

    @property
    def retention_days(self) -> int:
        """``retention`` as the bucket counts it."""
        return -(-self.retention // _DAY_SECONDS)


class Artifacts(Part):
    """What is downloaded when the job has ended."""

    paths: tuple[RelativePath, ...] = Field(
        default=(),
        title="Files and folders to bring home",
        description="a list of paths inside the work folder",
        examples=[["model/"]],
    )
    keep: StrictBool = Field(
        default=False, title="Keep the bucket when the job goes", description="true or false"
    )
