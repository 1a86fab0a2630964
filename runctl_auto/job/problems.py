"""What pydantic found wrong, told in terms of the job file: place, what was found, what is allowed."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from runctl_auto.errors import FieldProblem
from runctl_auto.job.consistency import Contradiction
from runctl_auto.job.document import JobDocument, Location, field_name
from runctl_auto.job.spec import JobSpec

# Words of SkyPilot and dstack for what a job file names differently.
KNOWN_ELSEWHERE: Mapping[str, str] = {
    "num_nodes": "nodes",
    "use_spot": "spot_policy",
    "envs": "env",
    "commands": "run",
    "command": "run",
    "entrypoint": "run",
    "init": "setup",
    "python": "setup",
    "file_mounts": "data",
    "storage_mounts": "data",
    "working_dir": "workdir",
    "instance_type": "instance_types",
    "accelerators": "gpu",
    "cpus": "cpu",
    "disk_size": "disk",
    "regions": "region",
    "backends": "provider",
    "cloud": "provider",
    "infra": "provider",
    "image_id": "image",
    "labels": "tags",
    "autostop": "idle_duration",
    "availability_zones": "zones",
}

# Values that may be anything, secrets included, are never repeated in a message.
_UNSPOKEN = frozenset({"env"})


def problems_of_validation(document: JobDocument, error: ValidationError) -> list[FieldProblem]:
    """Every problem in ``error``, in the order of the file."""
    return _in_order(
        _problem(document, details) for details in error.errors(include_url=False, include_context=True)
    )


def problems_of_contradictions(document: JobDocument, found: Iterable[Contradiction]) -> list[FieldProblem]:
    """The contradictions as problems of the file, in its order."""
    return _in_order(
        _placed(
            document,
            item.location,
            message=item.message,
            found=_written(document, item.location, None),
            allowed=item.allowed,
        )
        for item in found
    )


def _in_order(problems: Iterable[FieldProblem]) -> list[FieldProblem]:
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda problem: (problem.line or 0, problem.column or 0, problem.field))


def _problem(document: JobDocument, details: ErrorDetails) -> FieldProblem:
    location = _written_location(document, details["loc"])
    model, field = _field_at(location)
    kind = details["type"]
    if kind == "extra_forbidden":
        known = list(model.model_fields) if model else []
        return _placed(
            document,
            location,
            message="is not a field of a job file" if len(location) == 1 else "is not a field here",
            allowed=", ".join(known),
            nearest=_nearest(str(location[-1]), known),
        )
    allowed = field.description if field else None
    if kind == "missing":
        return _placed(document, location, message="is missing", allowed=allowed)
    options = _options(field)
    found = _written(document, location, details["input"])
    return _placed(
        document,
        location,
        message=_message(details),
        found=found,
        allowed=allowed,
        nearest=_nearest(found, options) if found and options else None,
    )


def _message(details: ErrorDetails) -> str:
    kind = details["type"]
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "literal_error":
        return "is not one of the values"
    if kind in ("string_type", "bool_type", "tuple_type", "dict_type", "model_type", "mapping_type"):
        return "is of the wrong type"
    if kind.startswith(("string_too", "too_")):
        return "is too long" if kind.endswith("long") else "is too short"
    if kind in ("less_than_equal", "greater_than_equal"):
        return "is out of range"
    return details["msg"]


def _written_location(document: JobDocument, loc: tuple[int | str, ...]) -> Location:
    """``loc`` without what is pydantic's own (``[key]``) and without the ends of a range in one text."""
    parts = tuple(part for part in loc if part != "[key]")
    while len(parts) > 1 and parts not in document.positions and parts[:-1] in document.texts:
        parts = parts[:-1]
    return parts


def _placed(
    document: JobDocument,
    location: Location,
    *,
    message: str,
    found: str | None = None,
    allowed: str | None = None,
    nearest: str | None = None,
) -> FieldProblem:
    position = document.position(location)
    return FieldProblem(
        file=document.file,
        line=position.line if position else None,
        column=position.column if position else None,
        field=field_name(location),
        message=message,
        found=found,
        allowed=allowed,
        nearest=nearest,
    )


def _written(document: JobDocument, location: Location, value: object) -> str | None:
    if location and location[0] in _UNSPOKEN and len(location) > 1:
        return type(value).__name__ if value is not None and not isinstance(value, str) else None
    text = document.texts.get(location)
    if text is None:
        text = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), repr(value))
    elif text == "":
        text = "nothing"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _field_at(location: Location) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that the last part of ``location`` belongs to, and the field nearest to it."""
    model: type[BaseModel] | None = JobSpec
    field: FieldInfo | None = None
    for depth, part in enumerate(location):
        if isinstance(part, int):
            continue
        if model is None or part not in model.model_fields:
            return model, field if depth + 1 < len(location) or model is None else None
        field = model.model_fields[part]
        if depth + 1 < len(location):
            model = _model_in(field.annotation)
    return model, field


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for item in get_args(annotation) if (model := _model_in(item))), None)


def _options(field: FieldInfo | None) -> list[str]:
    return [] if field is None else list(_literals(field.annotation))


def _literals(annotation: Any) -> Iterable[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (tuple, Union, types.UnionType):
        for item in get_args(annotation):
            yield from _literals(item)


def _nearest(word: str, known: list[str]) -> str | None:
    elsewhere = KNOWN_ELSEWHERE.get(word)
    if elsewhere in known:
        return elsewhere
    return next(iter(difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)), None)
