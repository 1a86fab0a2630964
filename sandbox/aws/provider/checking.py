"""Check: validates a program's inputs and fills in defaults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.naming import physical_name
from sandbox.aws.provider.resource import Known, Problem, Properties, ResourceType
from sandbox.aws.provider.same_value import is_empty, same
from sandbox.aws.provider.schema import Field, Kind
from sandbox.aws.provider.wire import Archive, Asset, Secret, Unknown, reveal

DEFAULTS = "__defaults"
ALL_TAGS = "tagsAll"


class _Unfit(Exception):
    """A value of the wrong kind; carries path and reason."""


def check(
    resource: ResourceType,
    logical_name: str,
    *,
    given: Mapping[str, Any],
    before: Mapping[str, Any],
    default_tags: Mapping[str, str],
    seed: bytes,
) -> tuple[Properties, list[Problem]]:
    """The checked inputs, and every problem with the given ones.

    before: the previous checked inputs, or empty. seed: for generated names.
    """
    problems = list(_unexpected(resource, given))
    inputs: Properties = {}
    defaulted: list[str] = []
    for name, field in resource.inputs.items():
        try:
            value = fit(field, name, given.get(name))
        except _Unfit as unfit:
            problems.append(Problem(name, str(unfit)))
            continue
        if value is None and field.default is not None:
            value = field.default
            defaulted.append(name)
        if value is not None:
            inputs[name] = value
        elif field.required:
            problems.append(Problem(name, f"Missing required property '{name}'"))
    defaulted += _give_name(resource, logical_name, inputs, before, seed)
    if ALL_TAGS in resource.inputs:
        inputs[ALL_TAGS] = _all_tags(
            resource.default_tags(_in_the_clear(inputs), default_tags), inputs.get("tags")
        )
    inputs[DEFAULTS] = sorted(defaulted)
    if not problems:
        problems += resource.check(_in_the_clear(inputs))
    return inputs, problems


def inputs_as_read(resource: ResourceType, known: Known, told: Properties) -> Properties:
    """The inputs of a resource as read.

    For a resource in state: its previous inputs with their current values; for an imported one: all inputs
    that a program would have to specify.
    """
    if not known.inputs:
        return {
            name: told[name] for name, field in resource.inputs.items() if _worth_importing(field, told, name)
        }
    now: Properties = {}
    for name, value in known.inputs.items():
        field = resource.inputs.get(name)
        if field is None or not field.told:
            now[name] = value
        else:
            now[name] = _as_now(field, value, told.get(name))
    return {name: value for name, value in now.items() if value is not None}


def _worth_importing(field: Field, told: Properties, name: str) -> bool:
    if field.required:
        return told.get(name) is not None
    return not (field.refused or is_empty(told.get(name)) or told.get(name) == field.default)


def _as_now(field: Field, before: Any, now: Any) -> Any:
    """The current value of an input; its previous spelling when that is equivalent."""
    if isinstance(before, Mapping) and isinstance(now, Mapping) and field.fields:
        return {
            name: _as_now(field.fields[name], part, now.get(name)) if name in field.fields else part
            for name, part in before.items()
        }
    return before if same(field, before, now) else now


def fit(field: Field, path: str, value: Any) -> Any:
    """The value converted to its input's kind. Raises _Unfit with the reason when it is of another kind."""
    if value is None or isinstance(value, Unknown):
        return value
    if isinstance(value, Secret):
        return Secret(_fit_secret(field, path, value.value))
    if field.refused is not None:
        if is_empty(value):
            return None
        raise _Unfit(f"'{path}' is {_reason(field.refused)}")
    fitted = _FITTERS[field.kind](field, path, value)
    if field.allowed and fitted not in field.allowed:
        raise _Unfit(f"expected {path} to be one of {list(field.allowed)}, got {fitted}")
    return fitted


def _fit_secret(field: Field, path: str, value: Any) -> Any:
    """As `fit`, with a reason that does not contain the value."""
    try:
        return fit(field, path, value)
    except _Unfit:
        raise _Unfit(f"the secret value of '{path}' is not usable: expected {field.kind.value}") from None


def _reason(refused: str) -> str:
    return refused if refused.startswith("not supported") else f"not supported: {refused}"


def _fit_string(field: Field, path: str, value: Any) -> str:
    del field
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _Unfit(f"expected {path} to be a string, got {type(value).__name__}")


def _fit_integer(field: Field, path: str, value: Any) -> int:
    del field
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(str(value))
    except ValueError:
        raise _Unfit(f"expected {path} to be an integer, got {value!r}") from None


def _fit_boolean(field: Field, path: str, value: Any) -> bool:
    del field
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _Unfit(f"expected {path} to be a boolean, got {value!r}")


def _fit_policy(field: Field, path: str, value: Any) -> str:
    text = _fit_string(field, path, value)
    try:
        if isinstance(json.loads(text), dict):
            return text
    except ValueError:
        pass
    raise _Unfit(f'"{path}" contains an invalid JSON policy')


def _fit_strings(field: Field, path: str, value: Any) -> list[Any]:
    one = Field(Kind.STRING, field.change)
    return [fit(one, f"{path}[{index}]", part) for index, part in enumerate(_list(path, value))]


def _fit_map(field: Field, path: str, value: Any) -> Properties:
    one = Field(Kind.STRING, field.change)
    return {name: fit(one, f"{path}.{name}", part) for name, part in _object(path, value).items()}


def _fit_object(field: Field, path: str, value: Any) -> Properties:
    fields = field.fields or {}
    fitted: Properties = {}
    for name in _object(path, value):
        if name not in fields and not name.startswith("__"):
            raise _Unfit(f"'{path}.{name}' is not an input")
    for name, part in fields.items():
        content = fit(part, f"{path}.{name}", value.get(name))
        content = part.default if content is None else content
        if content is not None:
            fitted[name] = content
        elif part.required:
            raise _Unfit(f"Missing required property '{path}.{name}'")
    return fitted


def _fit_objects(field: Field, path: str, value: Any) -> list[Any]:
    one = Field(Kind.OBJECT, field.change, fields=field.fields)
    return [fit(one, f"{path}[{index}]", part) for index, part in enumerate(_list(path, value))]


def _fit_asset(field: Field, path: str, value: Any) -> Any:
    del field
    if isinstance(value, Asset | Archive):
        return value
    raise _Unfit(f"expected {path} to be an asset or an archive, got {type(value).__name__}")


_FITTERS: Mapping[Kind, Callable[[Field, str, Any], Any]] = {
    Kind.STRING: _fit_string,
    Kind.INTEGER: _fit_integer,
    Kind.BOOLEAN: _fit_boolean,
    Kind.POLICY: _fit_policy,
    Kind.LIST: _fit_strings,
    Kind.SET: _fit_strings,
    Kind.MAP: _fit_map,
    Kind.OBJECT: _fit_object,
    Kind.OBJECTS: _fit_objects,
    Kind.OBJECT_SET: _fit_objects,
    Kind.ASSET: _fit_asset,
}


def _list(path: str, value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise _Unfit(f"expected {path} to be a list, got {type(value).__name__}")


def _object(path: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise _Unfit(f"expected {path} to be a map, got {type(value).__name__}")


def _unexpected(resource: ResourceType, given: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in given.items():
        if name not in resource.inputs and not name.startswith("__") and value is not None:
            yield Problem(name, f"'{name}' is not an input of {resource.token}")


def _give_name(
    resource: ResourceType, logical_name: str, inputs: Properties, before: Mapping[str, Any], seed: bytes
) -> list[str]:
    """Name the resource when its program does not; an earlier generated name is kept."""
    rule = resource.physical_name
    if rule is None or inputs.get(rule.input) is not None:
        return []
    prefix = inputs.get(rule.prefix) if rule.prefix else None
    if isinstance(prefix, Unknown):
        return []
    given_before = rule.input in (before.get(DEFAULTS) or ())
    same_prefix = rule.prefix is None or reveal(before.get(rule.prefix)) == reveal(prefix)
    if given_before and same_prefix and before.get(rule.input) is not None:
        inputs[rule.input] = before[rule.input]
    else:
        inputs[rule.input] = physical_name(rule, logical_name, reveal(prefix), seed)
    return [rule.input]


def _all_tags(default_tags: Mapping[str, str], tags: Any) -> Any:
    if isinstance(tags, Secret):
        return Secret(tagging.merged(default_tags, tags.value))
    return tagging.merged(default_tags, tags)


def _in_the_clear(inputs: Properties) -> Properties:
    return {name: reveal(value) for name, value in inputs.items() if name != DEFAULTS}
