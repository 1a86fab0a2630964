"""The field ``resources`` of a job file: which machine a job needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from runctl_auto.job_file.field_types import (
    COUNT_TEXT,
    POSITIVE,
    SIZE_TEXT,
    CountInText,
    GpuModels,
    InstanceType,
    SizeGb,
)
from runctl_auto.job_file.gpu_text import GPU_PATTERN, MAX_LENGTH, gpu_parts
from runctl_auto.job_file.part import Part
from runctl_auto.job_file.quantities import SIZE_FORM, split_range

DEFAULT_INSTANCE_TYPES = ("m5.large",)
DEFAULT_DISK_GB = 50
"""The smallest disk of a machine whose job names no size."""
COUNT_FORM = "a whole number above 0"


def _or_shorter(*forms: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """The JSON schema of a mapping that may also be written as one value, in one of ``forms``."""

    def extend(schema: dict[str, Any]) -> None:
        mapping = {name: schema.pop(name) for name in list(schema) if name not in ("title", "description")}
        schema["anyOf"] = [*forms, mapping]

    return extend


def _range_text(end: str) -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^\s*(({end})?\s*\.\.\s*({end})?|[0-9]{{1,6}}\s*\+)\s*$"}


class _Range(Part):
    @model_validator(mode="before")
    @classmethod
    def _ends(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        return dict(zip(("min", "max"), split_range(value), strict=True))


class CountRange(_Range):
    """From ``min`` to ``max``; an end that is None is open."""

    model_config = ConfigDict(
        json_schema_extra=_or_shorter(POSITIVE, COUNT_TEXT, _range_text("[1-9][0-9]{0,5}"))
    )
    min: CountInText | None = Field(default=None, title="At least so many", description=COUNT_FORM)
    max: CountInText | None = Field(default=None, title="At most so many", description=COUNT_FORM)

    @model_validator(mode="after")
    def _in_order(self) -> CountRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("is a range whose end lies before its start")
        return self


class SizeRange(_Range):
    """Whole GB from ``min`` to ``max``; an end that is None is open."""

    model_config = ConfigDict(
        json_schema_extra=_or_shorter(POSITIVE, SIZE_TEXT, _range_text("[0-9]{1,6}([gG]|[tT])([iI]?[bB])?"))
    )
    min: SizeGb | None = Field(default=None, title="At least so much", description=SIZE_FORM)
    max: SizeGb | None = Field(default=None, title="At most so much", description=SIZE_FORM)

    def __str__(self) -> str:
        """As it may be written in a job file."""
        low, high = (f"{each}GB" if each is not None else "" for each in (self.min, self.max))
        return low if low == high else f"{low}..{high}"

    @model_validator(mode="after")
    def _in_order(self) -> SizeRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("is a range whose end lies before its start")
        return self


class Gpu(Part):
    """``count`` GPUs, of one of the models ``name`` (any when empty), with ``memory`` GB each."""

    model_config = ConfigDict(
        json_schema_extra=_or_shorter(
            POSITIVE,
            {
                "type": "string",
                "pattern": f"^{GPU_PATTERN}$",
                "maxLength": MAX_LENGTH,
                "examples": ["A10G:1", "H100:8", "24GB..", "A100:80GB:8"],
            },
        )
    )
    name: GpuModels = Field(
        default=(),
        title="Model of the GPU, or several to choose from",
        description="a GPU model such as A10G, or a list of them",
        examples=["A10G", ["A10G", "L4"]],
    )
    count: CountInText = Field(default=1, title="How many GPUs", description=COUNT_FORM)
    memory: SizeRange | None = Field(
        default=None,
        title="Memory of each GPU",
        description="a size or range of sizes such as 24GB or 24GB..",
        examples=["24GB.."],
    )

    @model_validator(mode="before")
    @classmethod
    def _parts(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        return gpu_parts(value) if isinstance(value, str) else {"count": value}

    def __str__(self) -> str:
        """As it may be written in a job file."""
        memory = [str(self.memory)] if self.memory else []
        count = [str(self.count)] if self.count != 1 or not (self.name or memory) else []
        return ":".join([*([",".join(self.name)] if self.name else []), *memory, *count])


class Resources(Part):
    """The machine: its instance types by name, or its requirements."""

    instance_types: tuple[InstanceType, ...] = Field(
        default=DEFAULT_INSTANCE_TYPES,
        title="Instance types to choose from",
        description="instance types such as g5.xlarge, the preferred first",
        examples=[["g5.xlarge", "g4dn.xlarge"]],
    )
    gpu: Gpu | None = Field(
        default=None,
        title="GPUs of the machine",
        description="MODEL:COUNT such as A10G:1, MODEL:MEMORY:COUNT, or one or two of them, such as 24GB..",
        examples=["A10G:1"],
    )
    cpu: CountRange | None = Field(
        default=None,
        title="CPUs of the machine",
        description="a number or range of CPUs such as 4, 4.. or 4..8",
        examples=["4..8"],
    )
    memory: SizeRange | None = Field(
        default=None,
        title="Memory of the machine",
        description="a size or range of sizes such as 16GB or 16GB..64GB",
        examples=["16GB.."],
    )
    disk: SizeGb | None = Field(
        default=None,
        title="Size of the machine's own disk; by default 50GB, or 40GB more than the image if that is more",
        description=SIZE_FORM,
    )

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
