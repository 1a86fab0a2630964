"""Types of single fields: what they accept, and the same as JSON schema for editors.

What a schema cannot express exactly (system folders, paths out of a folder) is left to the validator: the
schema never rejects what the validator accepts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, StrictStr, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from components.tags import PROTECTION_TAGS
from runctl_auto.job_file.image_reference import container_image
from runctl_auto.job_file.quantities import (
    COUNT_PATTERN,
    DURATION_PATTERN,
    SIZE_PATTERN,
    parse_count,
    parse_duration_seconds,
    parse_limit_seconds,
    parse_price,
    parse_size_gb,
    parse_whole_number,
)

LARGEST_COUNT = 1000

_SYSTEM_FOLDERS = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var"}
)


@dataclass(frozen=True)
class Matching:
    """A text that ``expression`` matches completely; otherwise fails with ``complaint``.

    ``in_schema`` is False where JavaScript interprets the expression differently.
    """

    expression: str
    complaint: str
    in_schema: bool = True

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], CoreSchema]) -> CoreSchema:
        compiled = re.compile(self.expression)

        def check(value: str) -> str:
            if compiled.fullmatch(value) is None:
                raise ValueError(self.complaint)
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler(schema)
        if not self.in_schema:
            return found
        pattern = f"^(?:{self.expression})$"
        if "pattern" in found:
            return {**found, "allOf": [{"pattern": pattern}]}
        return {**found, "pattern": pattern}


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return value


def _inside_work_folder(value: str) -> str:
    path = PurePosixPath(_not_blank(value))
    if path.is_absolute() or ".." in path.parts or value.startswith("~"):
        raise ValueError("leads out of the work folder")
    if path == PurePosixPath():
        raise ValueError("is the work folder itself")
    return value


@lru_cache(maxsize=256)  # a list of jobs checks the same few a thousand times
def _shell(value: str) -> str:
    try:
        words = shlex.split(_not_blank(value))
    except ValueError as error:
        raise ValueError(f"is not a command line: {error}") from error
    if not words or words[0].startswith("-") or "\n" in value or "\0" in value:
        raise ValueError("names no program")
    if words[-1] == "-c":
        raise ValueError("ends with -c, which runctl adds")
    return value


def _one_or_several(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _mount_point(value: str) -> str:
    path = PurePosixPath(_not_blank(value))
    if not path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
        raise ValueError("is not an absolute path below /")
    if path.parts[1] in _SYSTEM_FOLDERS:
        raise ValueError(f"lies in the system folder /{path.parts[1]}")
    return str(path)


def _image(value: str) -> str:
    container_image(value)
    return value


def is_mount_point(text: str) -> bool:
    """Whether a volume can be mounted at ``text``."""
    try:
        _mount_point(text)
    except ValueError:
        return False
    return True


def _tag_key(value: str) -> str:
    if not re.fullmatch(r"[\w .:/=+@-]{1,128}", value):
        raise ValueError("is not a tag key")
    if value.lower().startswith("aws:"):
        raise ValueError("begins with aws:, which is reserved")
    if value.lower().startswith("runctl:") and value not in PROTECTION_TAGS:
        raise ValueError("begins with runctl:, which runctl itself sets")
    return value


def _written(*forms: dict[str, Any]) -> WithJsonSchema:
    """The schema of a quantity as written in the file; its internal value does not appear in the schema."""
    return WithJsonSchema(forms[0] if len(forms) == 1 else {"anyOf": list(forms)}, mode="validation")


POSITIVE: dict[str, Any] = {"type": "integer", "minimum": 1}
SIZE_TEXT: dict[str, Any] = {"type": "string", "pattern": f"^{SIZE_PATTERN}$", "examples": ["100GB", "2TB"]}
DURATION_TEXT: dict[str, Any] = {
    "type": "string",
    "pattern": f"^{DURATION_PATTERN}$",
    "minLength": 2,
    "examples": ["90s", "12h", "1h30m"],
}
COUNT_TEXT: dict[str, Any] = {"type": "string", "pattern": f"^{COUNT_PATTERN}$"}

Text = Annotated[StrictStr, AfterValidator(_not_blank), Field(json_schema_extra={"pattern": r"\S"})]
EnvironmentValue = Annotated[StrictStr, _written({"type": ["string", "number", "boolean"]})]
"""A text. A number or truth value in a file becomes its text before this is validated."""
Shell = Annotated[StrictStr, AfterValidator(_shell), Field(json_schema_extra={"pattern": r"\S"})]
SizeGb = Annotated[int, BeforeValidator(parse_size_gb), _written(POSITIVE, SIZE_TEXT)]
Seconds = Annotated[int, BeforeValidator(parse_duration_seconds), _written(POSITIVE, DURATION_TEXT)]
Limit = Annotated[
    int | None,
    BeforeValidator(parse_limit_seconds),
    _written(POSITIVE, DURATION_TEXT, {"const": "off"}, {"const": False}, {"type": "null"}),
]
"""Seconds; None for ``off``: there is no limit."""
Usd = Annotated[
    float,
    BeforeValidator(parse_price),
    _written({"type": "number", "exclusiveMinimum": 0, "examples": [0.6]}),
]
Count = Annotated[
    int,
    BeforeValidator(parse_whole_number),
    Field(le=LARGEST_COUNT),
    _written({**POSITIVE, "maximum": LARGEST_COUNT}),
]
InitializationRate = Annotated[
    int,
    BeforeValidator(parse_whole_number),
    Field(ge=100, le=300),
    _written({"type": "integer", "minimum": 100, "maximum": 300}),
]
"""MiB a second, as EBS accepts it."""
CountInText = Annotated[int, BeforeValidator(parse_count), _written(POSITIVE, COUNT_TEXT)]
"""A number that is written alone or as a part of a text such as ``4..8``."""

RelativePath = Annotated[StrictStr, AfterValidator(_inside_work_folder), Field(min_length=1)]
MountPoint = Annotated[StrictStr, AfterValidator(_mount_point), Field(json_schema_extra={"pattern": "^/"})]
JobName = Annotated[
    StrictStr,
    Matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "is not a job name"),
    Field(min_length=2, max_length=40),
]
VolumeName = Annotated[
    StrictStr, Matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "is not a volume name"), Field(max_length=30)
]
StorageName = Annotated[
    StrictStr,
    Matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "is not the name of a volume"),
    Field(min_length=2, max_length=40),
]
"""The name of a volume with a stack of its own, as ``stack.kinds`` has it."""
InstanceType = Annotated[StrictStr, Matching(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "is not an instance type")]
GpuModel = Annotated[StrictStr, Matching(r"[A-Za-z][A-Za-z0-9-]*", "is not a GPU model")]
GpuModels = Annotated[
    tuple[GpuModel, ...],
    BeforeValidator(_one_or_several),
    Field(max_length=20),
    _written(
        {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9-]*$"},
        {"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9-]*$"}, "maxItems": 20},
        {"type": "null"},
    ),
]
"""Models of GPUs to choose from, written as one or as a list; empty for any."""
VariableName = Annotated[
    StrictStr,
    Matching(r"[A-Za-z_][A-Za-z0-9_]*", "is not a name of an environment variable"),
    Matching(r"(?!RUNCTL_).*", "begins with RUNCTL_, which runctl itself sets"),
]
VpcId = Annotated[StrictStr, Matching(r"default|vpc-[0-9a-f]{8,17}", "is not a VPC")]
SubnetId = Annotated[StrictStr, Matching(r"auto|subnet-[0-9a-f]{8,17}", "is not a subnet")]
VolumeId = Annotated[StrictStr, Matching(r"vol-[0-9a-f]{8,17}", "is not a volume's id")]
SnapshotId = Annotated[StrictStr, Matching(r"snap-[0-9a-f]{8,17}", "is not a snapshot's id")]
S3Address = Annotated[
    StrictStr, Matching(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?]*)?", "is not an S3 address")
]
TagKey = Annotated[StrictStr, AfterValidator(_tag_key), Field(min_length=1, max_length=128)]
TagValue = Annotated[
    StrictStr,
    Matching(r"[\w .:/=+@-]{0,256}", "is not a tag value", in_schema=False),
    Field(max_length=256),
]
_DIRECTION = "(central|north|south|north(east|west)|south(east|west)|east|west)"
Region = Annotated[
    StrictStr, Matching(rf"[a-z]{{2,4}}(-[a-z]+)*-{_DIRECTION}-\d{{1,2}}|local", "is not a region")
]
"""As all regions of AWS are named, so that a slip is seen without asking the cloud;
``local`` is what a job of this machine has in place of a region."""
Zone = Annotated[
    StrictStr,
    Matching(r"[a-z]{2,4}(-[a-z0-9]+)+-\d{1,2}[a-z]|[A-Z]{2,4}(-[A-Z0-9]{1,6}){2}", "is not a zone"),
]
Image = Annotated[
    StrictStr,
    Matching(
        r"auto|ami-[0-9a-f]{8,17}|ssm:/[A-Za-z0-9_./-]{1,1000}|docker:[A-Za-z0-9][A-Za-z0-9_./:@-]{0,400}",
        "is not an image",
    ),
    AfterValidator(_image),
]
