"""Converts pydantic's errors to problems of the job file: position, what was found, what is allowed."""

from __future__ import annotations

import difflib
import types
from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from runctl_auto.errors import FieldProblem
from runctl_auto.job_file.consistency import Contradiction
from runctl_auto.job_file.document import MAX_PROBLEMS, JobDocument, is_unspoken
from runctl_auto.job_file.other_names import ADVICE
from runctl_auto.job_file.plain_values import Location
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.local.printable import shortened

_IMPLICIT_TEXTS = {
    bool: "is a truth value to YAML, not a text; quotes make it one",
    int: "is a number to YAML, not a text; quotes make it one",
    float: "is a number to YAML, not a text; quotes make it one",
}

_MESSAGES = {
    **dict.fromkeys(("bool_type", "tuple_type", "dict_type", "model_type"), "is of the wrong type"),
    **dict.fromkeys(("less_than_equal", "greater_than_equal"), "is out of range"),
    **dict.fromkeys(("string_too_long", "too_long"), "is too long"),
    **dict.fromkeys(("string_too_short", "too_short"), "is too short"),
    "literal_error": "is not one of the values",
}

_BEGINNING = 3
"""Letters of a name's beginning that are enough to suggest the whole."""


def problems_of_validation(
    document: JobDocument, error: ValidationError, undecided: Collection[Location] = ()
) -> tuple[list[FieldProblem], int]:
    """The first problems in ``error`` in the order of the file, and the number of the others.

    Skips errors caused by another problem (``undecided``: another name of the field had an invalid value).
    """
    found = [
        details
        for details in error.errors(include_url=False, include_context=True)
        if not (details["type"] == "missing" and details["loc"] in undecided)
        and not _is_unread(document, _plain(details["loc"]))
    ]
    placed = sorted(found, key=lambda details: _order(document, details["loc"]))
    problems = dict.fromkeys(_problem(document, details) for details in placed[:MAX_PROBLEMS])
    return list(problems), len(placed) - len(placed[:MAX_PROBLEMS])


def problems_of_contradictions(document: JobDocument, found: Iterable[Contradiction]) -> list[FieldProblem]:
    """The contradictions as problems of the file, in its order."""
    return in_order(
        document.problem(
            document.written(item.location),
            message=item.message,
            found=_written_scalar(document, document.written(item.location)),
            allowed=item.allowed,
        )
        for item in found
    )


def in_order(problems: Iterable[FieldProblem]) -> list[FieldProblem]:
    """``problems`` in the order of the file, each once."""
    return sorted(dict.fromkeys(problems), key=lambda each: (each.line or 0, each.column or 0, each.field))


def _is_unread(document: JobDocument, location: Location) -> bool:
    written = document.written(location)
    return any(written[:length] in document.unread for length in range(1, len(written) + 1))


def _order(document: JobDocument, loc: tuple[int | str, ...]) -> tuple[int, int, str]:
    location = _written_location(document, _plain(loc))
    position = document.position(location)
    return (position.line, position.column, str(location)) if position else (0, 0, str(location))


def _plain(loc: tuple[int | str, ...]) -> Location:
    """``loc`` without pydantic's own parts."""
    return tuple(part for part in loc if part != "[key]")


def _written_location(document: JobDocument, location: Location) -> Location:
    """``location`` as written in the file; both ends of a range in one text map to that text."""
    written = document.written(location)
    while len(written) > 1 and written not in document.positions and written[:-1] in document.texts:
        written = written[:-1]
    return written


def _problem(document: JobDocument, details: ErrorDetails) -> FieldProblem:
    canonical = _plain(details["loc"])
    location = _written_location(document, canonical)
    canonical = canonical[: len(canonical) - (len(document.written(canonical)) - len(location))]
    if details["type"] == "extra_forbidden":
        return _unknown_field(document, canonical, location)
    _, field = _field_at(canonical)
    allowed = field.description if field else None
    if details["type"] == "missing":
        return document.problem(location, message="is missing", allowed=allowed)
    options = list(_literals(field.annotation)) if field else []
    found = _written_text(document, location, details["input"])
    return document.problem(
        location,
        message=_message(details),
        found=found,
        allowed=allowed,
        nearest=_closest(found.strip('"'), options) if found and options else None,
    )


def _unknown_field(document: JobDocument, canonical: Location, location: Location) -> FieldProblem:
    model, _ = _field_at(canonical)
    name = str(canonical[-1])
    known = list(model.model_fields) if model else []
    message = "is not a field of a job file" if len(location) == 1 else "is not a field here"
    if name in ADVICE:
        return document.problem(location, message=f"{message}; {ADVICE[name]}")
    nearest = _field_elsewhere(name, above=canonical[:-1]) or _closest(name, known)
    return document.problem(location, message=message, allowed=", ".join(known), nearest=nearest)


def _message(details: ErrorDetails) -> str:
    kind = details["type"]
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "string_type":
        return _IMPLICIT_TEXTS.get(type(details["input"]), "is of the wrong type")
    return _MESSAGES.get(kind, details["msg"])


def _written_text(document: JobDocument, location: Location, value: object) -> str | None:
    if not location:  # the file as a whole
        return None
    if location not in document.texts:
        return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value))
    return _written_scalar(document, location)


def _written_scalar(document: JobDocument, location: Location) -> str | None:
    text = document.texts.get(location)
    if text is None or is_unspoken(location):
        return None
    return shortened(text) if text else "nothing"


def _field_at(location: Location) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that contains the last part of ``location``, and the nearest field to it."""
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


def _literals(annotation: Any) -> Iterable[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (tuple, Union, types.UnionType):
        for item in get_args(annotation):
            yield from _literals(item)


def _closest(word: str, known: list[str]) -> str | None:
    if len(word) > 40:
        return None
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    longer = (each for each in known if len(word) >= _BEGINNING and each.startswith(word.lower()))
    return next(chain(near, longer), None)


def _field_elsewhere(name: str, *, above: Location) -> str | None:
    """The only place in a job file where a field of this name is valid, if it differs from ``above``."""
    places = [name] if above and name in JobSpec.model_fields else []
    for section, field in JobSpec.model_fields.items():
        model = _model_in(field.annotation)
        if model is not None and name in model.model_fields and (section,) != above:
            places.append(f"{section}.{name}")
    return places[0] if len(places) == 1 else None
