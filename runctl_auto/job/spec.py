"""What a job file says, validated: the schema of the job file and nothing else.

``description`` of a field says what is allowed there; error messages and the JSON schema both use it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    model_validator,
)

from runctl_auto.job.quantities import (
    DURATION_FORM,
    PRICE_FORM,
    SIZE_FORM,
    parse_count,
    parse_duration_seconds,
    parse_price,
    parse_size_gb,
    split_range,
)

DEFAULT_INSTANCE_TYPES = ("m5.large",)
PROTECTION_TAGS = frozenset({"runctl:protected", "runctl:important", "runctl:persistent"})
MAX_VOLUMES = 11
MAX_TAGS = 30

_SYSTEM_FOLDERS = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var"}
)


def _pattern(expression: str, complaint: str) -> AfterValidator:
    compiled = re.compile(expression)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise ValueError(complaint)
        return value

    return AfterValidator(check)


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    if "\0" in value:
        raise ValueError("holds a NUL character")
    return value


def _inside_work_folder(value: str) -> str:
    path = PurePosixPath(_not_blank(value))
    if path.is_absolute() or ".." in path.parts or value.startswith("~"):
        raise ValueError("leads out of the work folder")
    if path == PurePosixPath():
        raise ValueError("is the work folder itself")
    return value


def _mount_point(value: str) -> str:
    path = PurePosixPath(_not_blank(value))
    if not path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
        raise ValueError("is not an absolute path below /")
    if path.parts[1] in _SYSTEM_FOLDERS:
        raise ValueError(f"lies in the system folder /{path.parts[1]}")
    return str(path)


Text = Annotated[StrictStr, AfterValidator(_not_blank)]
SizeGb = Annotated[int, BeforeValidator(parse_size_gb, json_schema_input_type=int | str)]
Seconds = Annotated[int, BeforeValidator(parse_duration_seconds, json_schema_input_type=int | str)]
Usd = Annotated[float, BeforeValidator(parse_price)]
Count = Annotated[int, BeforeValidator(parse_count)]
RelativePath = Annotated[StrictStr, AfterValidator(_inside_work_folder)]
MountPoint = Annotated[StrictStr, AfterValidator(_mount_point)]
JobName = Annotated[
    StrictStr,
    _pattern(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "is not a job name"),
    Field(min_length=2, max_length=40),
]
InstanceType = Annotated[StrictStr, _pattern(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "is not an instance type")]
VariableName = Annotated[
    StrictStr,
    _pattern(r"[A-Za-z_][A-Za-z0-9_]*", "is not a name of an environment variable"),
    _pattern(r"(?!RUNCTL_).*", "begins with RUNCTL_, which runctl itself sets"),
]
Plain = Annotated[StrictStr, _pattern(r"[^\0]*", "holds a NUL character")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


class Network(_Part):
    vpc: Annotated[StrictStr, _pattern(r"default|vpc-[0-9a-f]{8,17}", "is not a VPC")] = Field(
        default="default", description="'default' or a VPC's id (vpc-...)"
    )
    subnet: Annotated[StrictStr, _pattern(r"auto|subnet-[0-9a-f]{8,17}", "is not a subnet")] = Field(
        default="auto", description="'auto' or a subnet's id (subnet-...)"
    )


class CountRange(_Part):
    """From ``min`` to ``max``; an end that is None is open."""

    min: Count | None = Field(default=None, description="a whole number above 0")
    max: Count | None = Field(default=None, description="a whole number above 0")

    @model_validator(mode="before")
    @classmethod
    def _ends(cls, value: Any) -> Any:
        return (
            value
            if isinstance(value, Mapping)
            else dict(zip(("min", "max"), split_range(value), strict=True))
        )

    @model_validator(mode="after")
    def _in_order(self) -> CountRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("is a range whose end lies before its start")
        return self


class SizeRange(_Part):
    """Whole GB from ``min`` to ``max``; an end that is None is open."""

    min: SizeGb | None = Field(default=None, description=SIZE_FORM)
    max: SizeGb | None = Field(default=None, description=SIZE_FORM)

    @model_validator(mode="before")
    @classmethod
    def _ends(cls, value: Any) -> Any:
        return (
            value
            if isinstance(value, Mapping)
            else dict(zip(("min", "max"), split_range(value), strict=True))
        )

    @model_validator(mode="after")
    def _in_order(self) -> SizeRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("is a range whose end lies before its start")
        return self


class Gpu(_Part):
    """``count`` GPUs of the model ``name`` (any model when None)."""

    name: Annotated[StrictStr, _pattern(r"[A-Za-z][A-Za-z0-9-]*", "is not a GPU model")] | None = Field(
        default=None, description="a GPU model such as A10G"
    )
    count: Count = Field(default=1, description="a whole number above 0")

    @model_validator(mode="before")
    @classmethod
    def _parts(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        if isinstance(value, str):
            name, colon, count = value.partition(":")
            return {"name": name, "count": count if colon else 1}
        return {"count": value}


class Resources(_Part):
    instance_types: tuple[InstanceType, ...] = Field(
        default=DEFAULT_INSTANCE_TYPES, description="instance types such as g5.xlarge, the preferred first"
    )
    gpu: Gpu | None = Field(default=None, description="MODEL:COUNT such as A10G:1, a model or a count")
    cpu: CountRange | None = Field(
        default=None, description="a number or range of CPUs such as 4, 4.. or 4..8"
    )
    memory: SizeRange | None = Field(
        default=None, description="a size or range of sizes such as 16GB or 16GB..64GB"
    )
    disk: SizeGb = Field(default=50, description=SIZE_FORM)

    @model_validator(mode="before")
    @classmethod
    def _types_only_by_default(cls, value: Any) -> Any:
        chooses = isinstance(value, Mapping) and {"gpu", "cpu", "memory"} & value.keys()
        return {"instance_types": [], **value} if chooses else value

    @model_validator(mode="after")
    def _something_to_rent(self) -> Resources:
        if not (self.instance_types or self.gpu or self.cpu or self.memory):
            raise ValueError("names neither instance_types nor gpu, cpu or memory")
        return self


class Retry(_Part):
    on_events: tuple[Literal["no-capacity", "interruption", "error"], ...] = Field(
        default=("no-capacity", "interruption"), description="a list of no-capacity, interruption, error"
    )
    duration: Seconds | None = Field(default=None, description=DURATION_FORM)


class Volume(_Part):
    """A disk that outlives the machine: a new one (``size``), or one that exists (``id``)."""

    name: Annotated[
        StrictStr, _pattern(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "is not a volume name"), Field(max_length=30)
    ] = Field(description="lower-case letters, digits and single hyphens, at most 30 characters")
    mount: MountPoint = Field(description="an absolute path outside the system's folders, such as /data")
    size: SizeGb | None = Field(default=None, description=SIZE_FORM)
    id: Annotated[StrictStr, _pattern(r"vol-[0-9a-f]{8,17}", "is not a volume's id")] | None = Field(
        default=None, description="the id of a volume that exists (vol-...)"
    )
    snapshot: Annotated[StrictStr, _pattern(r"snap-[0-9a-f]{8,17}", "is not a snapshot's id")] | None = Field(
        default=None, description="the id of a snapshot (snap-...)"
    )
    protect: StrictBool = Field(default=False, description="true or false")

    @model_validator(mode="after")
    def _new_or_existing(self) -> Volume:
        if (self.size is None) == (self.id is None):
            raise ValueError("needs either size (a new volume) or id (one that exists)")
        if self.id is not None and self.snapshot is not None:
            raise ValueError("has an id and a snapshot; a volume that exists needs no snapshot")
        return self


class DataSource(_Part):
    source: Annotated[
        StrictStr,
        _pattern(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\0*?]*)?", "is not an S3 address"),
    ] = Field(description="s3://BUCKET/PREFIX")
    path: RelativePath = Field(description="a path inside the work folder")


class Checkpoints(_Part):
    path: RelativePath = Field(default="checkpoints", description="a path inside the work folder")
    every: Seconds = Field(default=60, description=DURATION_FORM)
    keep: Annotated[Count, Field(le=1000)] = Field(default=3, description="a whole number from 1 to 1000")


class Artifacts(_Part):
    paths: tuple[RelativePath, ...] = Field(default=(), description="a list of paths inside the work folder")
    keep: StrictBool = Field(default=False, description="true or false")


def _tag_key(value: str) -> str:
    if not re.fullmatch(r"[\w .:/=+@-]{1,128}", value):
        raise ValueError("is not a tag key")
    if value.lower().startswith("aws:"):
        raise ValueError("begins with aws:, which is reserved")
    if value.lower().startswith("runctl:") and value not in PROTECTION_TAGS:
        raise ValueError("begins with runctl:, which runctl itself sets")
    return value


TagKey = Annotated[StrictStr, AfterValidator(_tag_key)]
TagValue = Annotated[StrictStr, _pattern(r"[\w .:/=+@-]{0,256}", "is not a tag value")]
Region = Annotated[StrictStr, _pattern(r"[a-z]{2}(-[a-z]+)+-\d{1,2}", "is not a region")]
Zone = Annotated[StrictStr, _pattern(r"[a-z]{2}(-[a-z0-9]+)+-\d{1,2}[a-z]", "is not a zone")]
Image = Annotated[
    StrictStr, _pattern(r"auto|ami-[0-9a-f]{8,17}|ssm:/[A-Za-z0-9_./-]{1,1000}", "is not an image")
]


class JobSpec(BaseModel):
    """A whole job file, validated. Sizes are in GB, times in seconds, money in USD."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="runctl job")

    name: JobName = Field(description="2 to 40 lower-case letters, digits and single hyphens, a letter first")
    provider: Literal["aws", "local", "runpod"] = Field(default="aws", description="aws, local or runpod")
    region: Region = Field(description="a region such as us-east-1")
    image: Image = Field(default="auto", description="auto, an AMI's id (ami-...) or ssm:/NAME/OF/PARAMETER")
    network: Network = Field(default=Network(), description="a mapping of vpc and subnet")
    workdir: Text = Field(default=".", description="a folder, relative to the job file")
    setup: Text | None = Field(default=None, description="a shell command")
    run: Text = Field(description="a shell command")
    env: dict[VariableName, Plain] = Field(
        default_factory=dict, description='a mapping of names to texts; numbers in quotes, such as SEED: "1"'
    )
    secrets: tuple[VariableName, ...] = Field(
        default=(), description="a list of names of environment variables"
    )
    resources: Resources = Field(
        default=Resources(), description="a mapping of instance_types, gpu, cpu, memory, disk"
    )
    zones: tuple[Zone, ...] = Field(
        default=(), description="a list of zones of the region, such as us-east-1a"
    )
    spot_policy: Literal["spot", "on-demand", "auto"] = Field(
        default="auto", description="spot, on-demand or auto"
    )
    max_price: Usd | None = Field(default=None, description=f"{PRICE_FORM} an hour")
    budget: Usd | None = Field(default=None, description=PRICE_FORM)
    max_duration: Seconds | None = Field(default=None, description=DURATION_FORM)
    idle_duration: Seconds | None = Field(default=None, description=DURATION_FORM)
    retry: Retry | None = Field(default=None, description="a mapping of on_events and duration")
    nodes: Annotated[Count, Field(le=1000)] = Field(default=1, description="a whole number from 1 to 1000")
    volumes: Annotated[tuple[Volume, ...], Field(max_length=MAX_VOLUMES)] = Field(
        default=(),
        description=f"a list of at most {MAX_VOLUMES} volumes, each a mapping with name, size and mount",
    )
    data: tuple[DataSource, ...] = Field(default=(), description="a list of mappings of source and path")
    checkpoints: Checkpoints = Field(default=Checkpoints(), description="a mapping of path, every and keep")
    artifacts: Artifacts = Field(default=Artifacts(), description="a mapping of paths and keep")
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=MAX_TAGS)] = Field(
        default_factory=dict, description=f"a mapping of at most {MAX_TAGS} keys to texts"
    )
