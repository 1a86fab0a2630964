"""Whether a program keeps to a plan."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from sandbox.engine.deploy.goal import Alias, Goal
from sandbox.engine.deploy.plans.plan import PlannedGoal, PropertyChanges
from sandbox.engine.model import CustomTimeouts, Op
from sandbox.engine.properties import (
    UNKNOWN_TEXT,
    PropertyMap,
    PropertyValue,
    Secret,
    contains_secrets,
    contains_unknowns,
    plain,
    same,
)

_MILDER = {
    Op.CREATE: {Op.SAME, Op.CREATE},
    Op.UPDATE: {Op.SAME, Op.UPDATE},
    Op.REPLACE: {Op.SAME, Op.UPDATE, Op.REPLACE},
    Op.CREATE_REPLACEMENT: {Op.SAME, Op.UPDATE, Op.CREATE_REPLACEMENT},
    Op.DELETE_REPLACED: {Op.SAME, Op.UPDATE, Op.DELETE_REPLACED},
}


def allows(planned: Op, op: Op) -> bool:
    """Whether a step does no more than the planned one."""
    return op in _MILDER.get(planned, {planned})


def goal_violation(
    planned: PlannedGoal | None, goal: Goal, old_inputs: PropertyMap, inputs: PropertyMap
) -> str | None:
    """How what the program asks for differs from the plan; None when it does not."""
    if planned is None:
        return "resource unexpectedly not deleted"
    if planned.custom != goal.custom:
        return f"resource kind changed (expected {'custom' if planned.custom else 'component'})"
    return (
        _provider_violation(planned.provider, goal.provider)
        or _option_violation(planned, goal)
        or _timeout_violation(planned.timeouts, goal.custom_timeouts or CustomTimeouts())
        or _list_violation(planned, goal)
        or changes_violation(planned.inputs, old_inputs, inputs)
        or _property_dependencies_violation(planned, goal)
    )


def changes_violation(planned: PropertyChanges, old: PropertyMap, new: PropertyMap) -> str | None:
    """How the values differ from the planned changes; None when they do not."""
    found = sorted(
        text
        for key in {*old, *new, *planned.adds, *planned.updates, *planned.deletes}
        if (text := _value_violation(key, planned, old.get(key), new.get(key)))
    )
    return f"properties changed: {', '.join(found)}" if found else None


def _value_violation(key: str, planned: PropertyChanges, old: PropertyValue, new: PropertyValue) -> str:
    actual = _sign(old, new)
    if key in planned.deletes:
        return "" if new is None else _told("-", actual, key, None, new)
    if key in planned.adds:
        return _told_unless_met("+", actual, key, planned.adds[key], new)
    if key in planned.updates:
        if actual == "+":
            return _told("~", actual, key, planned.updates[key], new)
        return _told_unless_met("~", actual, key, planned.updates[key], new)
    return "" if actual == "=" else _told("=", actual, key, None, new)


def _sign(old: PropertyValue, new: PropertyValue) -> str:
    if old is None or new is None:
        if old is new:
            return "="
        return "+" if old is None else "-"
    return "=" if matches(old, new) else "~"


def _told_unless_met(wanted: str, actual: str, key: str, expected: PropertyValue, new: PropertyValue) -> str:
    if new is None:
        return "" if contains_unknowns(expected) else _told(wanted, "-", key, expected, None)
    return "" if matches(expected, new) else _told(wanted, actual, key, expected, new)


def _told(wanted: str, actual: str, key: str, expected: PropertyValue, new: PropertyValue) -> str:
    values = [_shown(value) for value in (expected, new) if value is not None]
    return f"{wanted}{actual}{key}" + (f"[{'!='.join(values)}]" if values else "")


def matches(expected: PropertyValue, actual: PropertyValue) -> bool:
    """Whether two values are equal when each unknown may be anything."""
    expected, actual = (v.value if isinstance(v, Secret) else v for v in (expected, actual))
    if any(contains_unknowns(v) and not isinstance(v, (dict, list)) for v in (expected, actual)):
        return True
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(matches(expected.get(k), actual.get(k)) for k in {*expected, *actual})
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(matches, expected, actual))
    return same(expected, actual)


def _shown(value: PropertyValue) -> str:
    """A value in a message; secrets are not told."""
    if contains_secrets(value):
        return "{[secret]}"
    if contains_unknowns(value):
        return "output<string>{}" if not isinstance(value, (dict, list)) else "{" + _text(value) + "}"
    return "{" + _text(plain(value)) + "}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, default=lambda _: UNKNOWN_TEXT)


def _provider_violation(planned: str, actual: str) -> str | None:
    if planned == actual:
        return None
    urn, _, identity = planned.rpartition("::")
    if identity == UNKNOWN_TEXT and urn == actual.rpartition("::")[0]:
        return None
    return f"provider changed (expected {planned})"


def _option_violation(planned: PlannedGoal, goal: Goal) -> str | None:
    if planned.parent != goal.parent:
        return f"parent changed (expected {planned.parent})"
    if planned.protect != bool(goal.protect):
        return f"protect changed (expected {_flag(planned.protect)})"
    if planned.delete_before_replace != goal.delete_before_replace:
        return f"deleteBeforeReplace changed (expected {_flag(planned.delete_before_replace)})"
    if planned.import_id != goal.import_id:
        return f"importID changed (expected {planned.import_id})"
    return None


def _flag(value: bool | None) -> str:
    return "no value" if value is None else str(value).lower()


def _timeout_violation(planned: CustomTimeouts, actual: CustomTimeouts) -> str | None:
    for name in ("create", "update", "delete"):
        expected = getattr(planned, name)
        if expected != getattr(actual, name):
            return f"{name} timeout changed (expected {expected:g})"
    return None


def _list_violation(planned: PlannedGoal, goal: Goal) -> str | None:
    lists: tuple[tuple[str, Collection[Any], Collection[Any]], ...] = (
        ("ignoreChanges", planned.ignore_changes, goal.ignore_changes),
        ("additionalSecretOutputs", planned.additional_secret_outputs, goal.additional_secret_outputs),
        ("dependencies", planned.dependencies, goal.dependencies),
        ("aliases", _alias_texts(planned.aliases), _alias_texts(goal.aliases)),
    )
    for name, expected, actual in lists:
        difference = _difference(expected, actual)
        if difference:
            return f"{name} changed: {difference}"
    return None


def _alias_texts(aliases: Iterable[Alias]) -> list[str]:
    return [
        f"{{{a.urn} {a.name} {a.type} {a.project} {a.stack} {a.parent} {_flag(a.no_parent)}}}"
        for a in aliases
    ]


def _property_dependencies_violation(planned: PlannedGoal, goal: Goal) -> str | None:
    """A property that was unknown in the plan may have come to nothing, so that it has no dependencies."""
    for key, expected in planned.property_dependencies.items():
        difference = _difference(expected, goal.property_dependencies.get(key, expected))
        if difference:
            return f"dependencies for {key} changed: {difference}"
    return None


def _difference(expected: Iterable[Any], actual: Iterable[Any]) -> str:
    before, after = set(expected), set(actual)
    parts = [("added", after - before), ("deleted", before - after)]
    return "; ".join(f"{word} {', '.join(sorted(map(str, items)))}" for word, items in parts if items)
