"""A stack's new name within its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.backend.reference import StackReference
from sandbox.engine.model import STACK_TYPE

_SCALARS = ("urn", "parent", "deletedWith", "viewOf", "provider")
_LISTS = ("dependencies", "aliases", "replaceWith")


def rename_in_document(
    document: Mapping[str, Any], old: StackReference, new: StackReference
) -> dict[str, Any]:
    """The deployment document with every URN of the old stack under its new name and project."""
    rename = _Renaming(old, new)
    out = dict(document)
    if "resources" in out:
        out["resources"] = [rename.resource(resource) for resource in out["resources"] or []]
    if "pending_operations" in out:
        out["pending_operations"] = [
            {**operation, "resource": rename.resource(operation["resource"])}
            for operation in out["pending_operations"] or []
        ]
    return out


class _Renaming:
    def __init__(self, old: StackReference, new: StackReference) -> None:
        self._old, self._new = old, new
        self._before = f"urn:pulumi:{old.name}::{old.project}::"
        self._after = f"urn:pulumi:{new.name}::{new.project}::"
        self._root_before = f"::{STACK_TYPE}::{old.project}-{old.name}"
        self._root_after = f"::{STACK_TYPE}::{new.project}-{new.name}"

    def urn(self, text: str) -> str:
        if not text.startswith(self._before):
            return text
        renamed = self._after + text[len(self._before) :]
        if renamed.endswith(self._root_before):
            renamed = renamed[: -len(self._root_before)] + self._root_after
        return renamed

    def resource(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(resource)
        for name in _SCALARS:
            if isinstance(out.get(name), str):
                out[name] = self.urn(out[name])
        for name in _LISTS:
            if isinstance(out.get(name), list):
                out[name] = [self.urn(urn) for urn in out[name]]
        if isinstance(out.get("propertyDependencies"), dict):
            out["propertyDependencies"] = {
                key: [self.urn(urn) for urn in urns or []]
                for key, urns in out["propertyDependencies"].items()
            }
        return out
