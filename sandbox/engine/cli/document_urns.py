"""URNs within a deployment document: rewriting all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.properties import RESOURCE_SIGNATURE, SIGNATURE

RenameUrn = Callable[[str], str]
_SCALARS = ("urn", "parent", "deletedWith", "viewOf")
_LISTS = ("dependencies", "aliases", "replaceWith")
_VALUES = ("inputs", "outputs")


def rewrite_urns(document: Mapping[str, Any], rename: RenameUrn) -> dict[str, Any]:
    """The document with `rename` applied to every URN in it, references in property values included."""
    out = dict(document)
    if out.get("resources"):
        out["resources"] = [_resource(resource, rename) for resource in out["resources"]]
    if out.get("pending_operations"):
        out["pending_operations"] = [
            {**operation, "resource": _resource(operation["resource"], rename)}
            for operation in out["pending_operations"]
        ]
    return out


def _resource(resource: Mapping[str, Any], rename: RenameUrn) -> dict[str, Any]:
    out = dict(resource)
    for name in _SCALARS:
        if isinstance(out.get(name), str):
            out[name] = rename(out[name])
    for name in _LISTS:
        if isinstance(out.get(name), list):
            out[name] = [rename(urn) for urn in out[name]]
    if isinstance(out.get("provider"), str):
        urn, separator, identity = out["provider"].rpartition("::")
        out["provider"] = rename(urn) + separator + identity
    if isinstance(out.get("propertyDependencies"), dict):
        out["propertyDependencies"] = {
            key: [rename(urn) for urn in urns or []] for key, urns in out["propertyDependencies"].items()
        }
    for name in _VALUES:
        if name in out:
            out[name] = _value(out[name], rename)
    return out


def _value(value: Any, rename: RenameUrn) -> Any:
    if isinstance(value, list):
        return [_value(item, rename) for item in value]
    if isinstance(value, dict):
        if value.get(SIGNATURE) == RESOURCE_SIGNATURE and isinstance(value.get("urn"), str):
            return {**value, "urn": rename(value["urn"])}
        return {key: _value(item, rename) for key, item in value.items()}
    return value
