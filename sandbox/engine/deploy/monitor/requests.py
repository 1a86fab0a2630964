"""Reads registrations as programs send them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sandbox.engine import property_path
from sandbox.engine import urn as urns
from sandbox.engine.deploy.assets import hashed
from sandbox.engine.deploy.goal import Alias, Goal
from sandbox.engine.deploy.monitor.source_positions import source_position, stack_trace
from sandbox.engine.deploy.wire import Receive, Send, from_struct, from_value
from sandbox.engine.model import CustomTimeouts
from sandbox.engine.properties import (
    Archive,
    Asset,
    Output,
    PropertyMap,
    PropertyValue,
    Secret,
    without_outputs,
)

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


class RequestError(ValueError):
    """A program's request is malformed; the message says how."""


def receiver(folder: Path, *, outputs: bool = False) -> Receive:
    """Takes values with the hashes of their assets, whose paths are relative to `folder`."""

    def with_hash(source: Asset | Archive) -> Asset | Archive:
        return hashed(source, folder)

    return Receive(outputs=outputs, hash_source=with_hash)


def accepted_by(request: Any) -> Send:
    """How to send values to whoever made the request."""
    return Send(
        secrets=request.acceptSecrets,
        resources=request.acceptResources,
        byte_strings=request.accepts_byte_string,
    )


def goal_from(request: Any, provider: str, root: Path, folder: Path) -> Goal:
    """The goal of a RegisterResource request; `provider` is the reference that the engine found for it."""
    properties = from_struct(request.object, receiver(folder, outputs=True))
    dependencies = tuple(dict.fromkeys(request.dependencies))
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        properties=without_outputs(properties),
        parent=request.parent,
        provider=provider,
        protect=request.protect if request.HasField("protect") else None,
        dependencies=dependencies,
        property_dependencies=property_dependencies(request, properties, dependencies),
        delete_before_replace=_delete_before_replace(request),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        replacement_trigger=_trigger(request),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=_aliases(request),
        import_id=request.importId,
        custom_timeouts=_timeouts(request),
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deleted_with=request.deletedWith,
        replace_with=tuple(request.replace_with),
        hide_diff=tuple(list(property_path.parse(path)) for path in request.hideDiffs),
        source_position=source_position(request.sourcePosition, root)
        if request.HasField("sourcePosition")
        else "",
        stack_trace=stack_trace(request.stackTrace, root) if request.HasField("stackTrace") else (),
    )


def read_goal_from(request: Any, provider: str, root: Path, folder: Path) -> Goal:
    """The goal of a ReadResource request."""
    return Goal(
        type=request.type,
        name=request.name,
        custom=True,
        properties=from_struct(request.properties, receiver(folder)),
        parent=request.parent,
        provider=provider,
        dependencies=tuple(request.dependencies),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        source_position=source_position(request.sourcePosition, root)
        if request.HasField("sourcePosition")
        else "",
        stack_trace=stack_trace(request.stackTrace, root) if request.HasField("stackTrace") else (),
    )


def property_dependencies(
    request: Any, properties: PropertyMap, dependencies: tuple[str, ...]
) -> dict[str, list[str]]:
    """What each property of a registration depends on."""
    if not request.propertyDependencies and not request.remote:
        found = {key: list(dependencies) for key in properties}
    else:
        found = {key: list(dict.fromkeys(value.urns)) for key, value in request.propertyDependencies.items()}
    for key, value in properties.items():
        listed = found.setdefault(key, [])
        listed.extend(urn for urn in output_dependencies(value) if urn not in listed)
    return found


def output_dependencies(value: PropertyValue) -> list[str]:
    """The URNs that output values in the value depend on."""
    found: dict[str, None] = {}

    def walk(item: PropertyValue) -> None:
        if isinstance(item, Output):
            found.update(dict.fromkeys(item.dependencies))
            walk(item.value)
        elif isinstance(item, dict):
            for below in item.values():
                walk(below)
        elif isinstance(item, list):
            for below in item:
                walk(below)
        elif isinstance(item, Secret):
            walk(item.value)

    walk(value)
    return list(found)


def _delete_before_replace(request: Any) -> bool | None:
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        return bool(request.deleteBeforeReplace)
    return None


def _trigger(request: Any) -> PropertyValue:
    if not request.HasField("replacement_trigger"):
        return None
    return without_outputs(from_value(request.replacement_trigger, Receive(outputs=True)))


def _aliases(request: Any) -> tuple[Alias, ...]:
    found = [Alias(urn=urns.check(urn)) for urn in request.aliasURNs]
    for alias in request.aliases:
        if alias.WhichOneof("alias") != "spec":
            found.append(Alias(urn=urns.check(alias.urn)))
            continue
        spec = alias.spec
        no_parent = spec.WhichOneof("parent") == "noParent" and spec.noParent
        found.append(
            Alias(
                name=spec.name,
                type=spec.type,
                stack=spec.stack,
                project=spec.project,
                parent=spec.parentUrn if spec.WhichOneof("parent") == "parentUrn" else "",
                no_parent=no_parent,
            )
        )
    return tuple(found)


def _timeouts(request: Any) -> CustomTimeouts | None:
    if not request.HasField("customTimeouts"):
        return None
    raw = request.customTimeouts
    timeouts = CustomTimeouts(seconds(raw.create), seconds(raw.update), seconds(raw.delete))
    return timeouts if timeouts != CustomTimeouts() else None


def seconds(text: str) -> float:
    """A duration like `1h30m` in seconds, 0 for none. Raises RequestError for anything else."""
    if not text:
        return 0.0
    found = _DURATION.findall(text)
    if "".join(number + unit for number, unit in found) != text:
        raise RequestError(f"invalid custom timeout {text!r}: expected a duration like 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def check_three_parts(resource_type: str) -> None:
    """Raises RequestError for the type of a managed resource that has not the form package:module:Name."""
    if resource_type.count(":") != 2:
        raise RequestError(f"Type '{resource_type}' is not a valid type token (must have format '*:*:*')")
