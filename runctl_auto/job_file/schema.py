"""The JSON schema of a job file (2020-12), generated from the models, for completion and checks in editors.

It never rejects what the validator accepts. What it cannot express (a range's order, zones of a region) only
the validator rejects.
"""

from __future__ import annotations

import copy
from typing import Any

from runctl_auto.job_file.other_names import OTHER_NAMES, OtherName
from runctl_auto.job_file.spec import JobSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_LISTED_ENVIRONMENT = {
    "type": "array",
    "items": {"type": "string", "pattern": "^(?!RUNCTL_)[A-Za-z_][A-Za-z0-9_]*="},
    "description": "NAME=VALUE, one an item",
}

_ON_THIS_MACHINE = {"required": ["provider"], "properties": {"provider": {"const": "local"}}}


def job_schema() -> dict[str, Any]:
    """The schema, a new one each time."""
    schema = JobSpec.model_json_schema()
    properties = schema["properties"]
    properties["env"] = _either_form_of_environment(properties["env"])
    properties["type"] = {
        "enum": ["task", None],
        "deprecated": True,
        "description": "dstack's word for what every job file describes",
    }
    for name in OTHER_NAMES:
        _mapping_of(schema, name.written)["properties"][name.written[-1]] = _property(schema, name)
    conditions = [*_required_in_any_name(schema), *_one_name_only(schema)]
    schema["required"] = [field for field in schema["required"] if not _names_of(field)]
    return {
        "$schema": DIALECT,
        **schema,
        "description": "A training job of runctl: what runs, on which machine, within which limits",
        "allOf": conditions,
    }


def _either_form_of_environment(mapping: dict[str, Any]) -> dict[str, Any]:
    kept = {name: mapping.pop(name) for name in ("title", "description", "examples")}
    ((pattern, value),) = mapping.pop("patternProperties").items()
    names = {**mapping["propertyNames"], "pattern": pattern}  # or other names would accept any value
    mapping = {**mapping, "propertyNames": names, "additionalProperties": value}
    return {"anyOf": [mapping, _LISTED_ENVIRONMENT], **kept}


def _mapping_of(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The schema of the mapping that has the last part of ``path`` as a key."""
    if len(path) == 1:
        return schema
    reference: str = schema["properties"][path[0]]["$ref"]
    found: dict[str, Any] = schema["$defs"][reference.rpartition("/")[2]]
    return found


def _property(schema: dict[str, Any], name: OtherName) -> dict[str, Any]:
    ours = _mapping_of(schema, name.ours)["properties"][name.ours[-1]]
    form = copy.deepcopy(dict(name.schema) if name.schema else ours)
    form.pop("default", None)
    return {
        **form,
        "title": ours["title"],
        "deprecated": True,
        "description": f"another name for {'.'.join(name.ours)}",
    }


def _names_of(field: str) -> list[OtherName]:
    return [name for name in OTHER_NAMES if name.ours == (field,)]


def _required_in_any_name(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"anyOf": [{"required": [field]}, *(_says(name.written) for name in _names_of(field)), *without]}
        for field in schema["required"]
        if _names_of(field)
        for without in [[_ON_THIS_MACHINE] if field == "region" else []]
    ]


def _says(path: tuple[str, ...]) -> dict[str, Any]:
    if len(path) == 1:
        return {"required": [path[0]]}
    return {"required": [path[0]], "properties": {path[0]: {"required": [path[1]]}}}


def _one_name_only(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"not": {"allOf": [_says(name.written), _says(name.ours)]}}
        for name in OTHER_NAMES
        if _mapping_of(schema, name.ours)["properties"][name.ours[-1]]
    ]
