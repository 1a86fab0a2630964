"""Configuration of policy packs: files, defaults, and what policies ask of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any


class Level(str, Enum):
    """What a violation of a policy does."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"
    DISABLED = "disabled"
    REMEDIATE = "remediate"


class PolicyConfigError(ValueError):
    """A policy pack's configuration is wrong; the message says where and how."""


@dataclass(frozen=True)
class Settings:
    """One policy's settings; None for what is not said."""

    level: Level | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyInfo:
    """A policy of a pack, with the schema of its configuration."""

    name: str
    level: Level
    kind: str
    severity: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()


def read_config(path: Path) -> dict[str, Settings]:
    """The settings by policy of a JSON file; `all` stands for every policy. Raises PolicyConfigError."""
    try:
        text = path.read_text()
        data = json.loads(text) if text.strip() else {}
    except OSError as error:
        raise PolicyConfigError(f"open {path}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise PolicyConfigError(f"the policy configuration {path} is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise PolicyConfigError(f"the policy configuration {path} is no JSON object")
    if "environments" in data:
        raise PolicyConfigError("policy packs with environments are not supported by this backend")
    return {name: _settings(name, value) for name, value in data.items()}


def _settings(name: str, value: Any) -> Settings:
    if isinstance(value, str):
        return Settings(_level(name, value))
    if isinstance(value, dict):
        properties = dict(value)
        level = properties.pop("enforcementLevel", None)
        return Settings(None if level is None else _level(name, level), properties)
    raise PolicyConfigError(
        f"parsing {json.dumps(name)}: {value} is not a valid value; must be a string or object"
    )


def _level(name: str, text: Any) -> Level:
    try:
        return Level(text)
    except ValueError:
        raise PolicyConfigError(
            f'parsing enforcement level for "{name}": "{text}" is not a valid enforcement level'
        ) from None


def reconciled(
    policies: list[PolicyInfo], initial: Mapping[str, Settings], given: Mapping[str, Settings]
) -> dict[str, Settings]:
    """Defaults, the pack's own settings over them, the given ones over those.

    Raises PolicyConfigError with one line for each violation of the policies' schemas."""
    found = {p.name: Settings(p.level, _defaults(p.schema)) for p in policies}
    for layer in (initial, given):
        found = _applied(found, layer)
    problems = [
        f"{policy.name}: {problem}"
        for policy in policies
        if policy.schema or policy.required
        for problem in _violations(policy, found[policy.name].properties)
    ]
    if problems:
        raise PolicyConfigError("\n".join(sorted(problems)))
    return found


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value["default"]
        for key, value in schema.items()
        if isinstance(value, Mapping) and "default" in value
    }


def _applied(found: dict[str, Settings], layer: Mapping[str, Settings]) -> dict[str, Settings]:
    everything = layer.get("all")
    if everything is not None and everything.level is not None:
        found = {name: replace(settings, level=everything.level) for name, settings in found.items()}
    for name, settings in layer.items():
        before = found.get(name, Settings())
        found[name] = Settings(settings.level or before.level, {**before.properties, **settings.properties})
    return found


# The part of JSON Schema that policies use

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and float(v).is_integer(),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "null": lambda v: v is None,
}
_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "enum": lambda v, allowed: v in allowed,
    "const": lambda v, only: v == only,
    "minimum": lambda v, least: not _number(v) or v >= least,
    "maximum": lambda v, most: not _number(v) or v <= most,
    "exclusiveMinimum": lambda v, least: not _number(v) or v > least,
    "exclusiveMaximum": lambda v, most: not _number(v) or v < most,
    "multipleOf": lambda v, step: not _number(v) or v % step == 0,
    "minLength": lambda v, least: not isinstance(v, str) or len(v) >= least,
    "maxLength": lambda v, most: not isinstance(v, str) or len(v) <= most,
    "pattern": lambda v, pattern: not isinstance(v, str) or re.search(pattern, v) is not None,
    "minItems": lambda v, least: not isinstance(v, list) or len(v) >= least,
    "maxItems": lambda v, most: not isinstance(v, list) or len(v) <= most,
    "uniqueItems": lambda v, on: (
        not on or not isinstance(v, list) or len({json.dumps(i) for i in v}) == len(v)
    ),
    "minProperties": lambda v, least: not isinstance(v, dict) or len(v) >= least,
    "maxProperties": lambda v, most: not isinstance(v, dict) or len(v) <= most,
}
_SILENT = {"default", "description", "title", "examples", "type", "items", "properties", "required"}
_SILENT |= {"additionalProperties", "$comment"}


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _violations(policy: PolicyInfo, properties: Mapping[str, Any]) -> list[str]:
    schema = {"type": "object", "properties": policy.schema, "required": list(policy.required)}
    return _check("", dict(properties), schema)


def _check(path: str, value: Any, schema: Mapping[str, Any]) -> list[str]:
    unknown = set(schema) - set(_CHECKS) - _SILENT
    if unknown:
        raise PolicyConfigError(f"unsupported words in a policy's schema: {', '.join(sorted(unknown))}")
    where = f"{path}: " if path else ""
    wanted = schema.get("type")
    if wanted is not None:
        names = wanted if isinstance(wanted, list) else [wanted]
        if not any(_TYPES[name](value) for name in names):
            return [f"{where}Invalid type. Expected: {'/'.join(names)}, given: {_kind(value)}"]
    found = [
        f"{where}Does not satisfy {word} {json.dumps(schema[word])}"
        for word, check in _CHECKS.items()
        if word in schema and not check(value, schema[word])
    ]
    if isinstance(value, dict):
        found += _check_members(path, value, schema)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for number, item in enumerate(value):
            found += _check(f"{path}.{number}" if path else str(number), item, schema["items"])
    return found


def _check_members(path: str, value: dict[str, Any], schema: Mapping[str, Any]) -> list[str]:
    where = f"{path}: " if path else ""
    known = schema.get("properties") or {}
    found = [f"{where}{name} is required" for name in schema.get("required") or () if name not in value]
    for name, below in known.items():
        if name in value:
            found += _check(f"{path}.{name}" if path else name, value[name], below)
    if schema.get("additionalProperties") is False:
        extra = sorted(set(value) - set(known))
        found += [f"{where}Additional property {name} is not allowed" for name in extra]
    return found


def _kind(value: Any) -> str:
    order = ("null", "boolean", "string", "integer", "number", "array", "object")
    return next(name for name in order if _TYPES[name](value))
