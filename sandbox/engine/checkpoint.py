"""Pulumi's deployment JSON (version 3): reading and writing snapshots, and what a state must satisfy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sandbox.engine.json_text import compact
from sandbox.engine.model import (
    PROVIDER_TYPE_PREFIX,
    CustomTimeouts,
    Manifest,
    PendingKind,
    PendingOperation,
    Resource,
    Snapshot,
)
from sandbox.engine.properties import Decrypt, Encrypt, PropertyError, from_json, to_json

DEPLOYMENT_VERSION = 3
_SUPPORTED_FEATURES = {"refreshBeforeUpdate", "taint", "replaceWith", "hooks", "views", "byteString"}

# JSON name, attribute; in the order in which Pulumi writes them.
_FIELDS = (
    ("urn", "urn"),
    ("custom", "custom"),
    ("delete", "delete"),
    ("id", "id"),
    ("type", "type"),
    ("inputs", "inputs"),
    ("outputs", "outputs"),
    ("parent", "parent"),
    ("protect", "protect"),
    ("taint", "taint"),
    ("external", "external"),
    ("dependencies", "dependencies"),
    ("initErrors", "init_errors"),
    ("provider", "provider"),
    ("propertyDependencies", "property_dependencies"),
    ("pendingReplacement", "pending_replacement"),
    ("additionalSecretOutputs", "additional_secret_outputs"),
    ("aliases", "aliases"),
    ("customTimeouts", "custom_timeouts"),
    ("importID", "import_id"),
    ("retainOnDelete", "retain_on_delete"),
    ("deletedWith", "deleted_with"),
    ("replaceWith", "replace_with"),
    ("created", "created"),
    ("modified", "modified"),
    ("sourcePosition", "source_position"),
    ("stackTrace", "stack_trace"),
    ("ignoreChanges", "ignore_changes"),
    ("hideDiff", "hide_diff"),
    ("replaceOnChanges", "replace_on_changes"),
    ("replacementTrigger", "replacement_trigger"),
    ("refreshBeforeUpdate", "refresh_before_update"),
    ("viewOf", "view_of"),
    ("resourceHooks", "resource_hooks"),
)
_KNOWN = {name for name, _ in _FIELDS}
_ALWAYS = {"urn", "custom", "type"}
_VALUES = {"inputs", "outputs", "replacement_trigger"}


class CheckpointError(ValueError):
    """A checkpoint cannot be read; the message says what is wrong with it."""


class IntegrityError(ValueError):
    """A snapshot breaks a rule that every state must keep; the message names the resource and the rule."""


class DeploymentEncoder:
    """Turns snapshots into deployment JSON and keeps what it encoded, so that a large stack stays cheap.

    A resource is encoded anew only after one of its attributes was set.
    """

    def __init__(self, encrypt: Encrypt) -> None:
        self._encrypt = encrypt
        self._known: dict[int, tuple[Resource, int, str]] = {}

    def text(self, snapshot: Snapshot) -> str:
        """The deployment as compact JSON text."""
        shell = _shell(snapshot)
        parts = [f'"manifest":{compact(shell.pop("manifest"))}']
        if "secrets_providers" in shell:
            parts.append(f'"secrets_providers":{compact(shell.pop("secrets_providers"))}')
        if snapshot.resources:
            parts.append(f'"resources":[{",".join(map(self._resource, snapshot.resources))}]')
        if snapshot.pending_operations:
            parts.append(
                f'"pending_operations":[{",".join(map(self._pending, snapshot.pending_operations))}]'
            )
        parts.extend(f"{compact(key)}:{compact(value)}" for key, value in shell.items())
        return "{" + ",".join(parts) + "}"

    def _resource(self, resource: Resource) -> str:
        revision = resource.revision
        known = self._known.get(id(resource))
        if known is not None and known[1] == revision:
            return known[2]
        text = compact(encode_resource(resource, self._encrypt))
        self._known[id(resource)] = (resource, revision, text)
        return text

    def _pending(self, operation: PendingOperation) -> str:
        return f'{{"resource":{self._resource(operation.resource)},"type":{compact(operation.kind.value)}}}'


def encode_deployment(snapshot: Snapshot, encrypt: Encrypt, *, show_secrets: bool = False) -> dict[str, Any]:
    """The snapshot as a deployment; with `show_secrets` its secrets are in plain text."""
    shell = _shell(snapshot)
    out = {"manifest": shell.pop("manifest")}
    if "secrets_providers" in shell:
        out["secrets_providers"] = shell.pop("secrets_providers")
    if snapshot.resources:
        out["resources"] = [
            encode_resource(r, encrypt, show_secrets=show_secrets) for r in snapshot.resources
        ]
    if snapshot.pending_operations:
        out["pending_operations"] = [
            {
                "resource": encode_resource(o.resource, encrypt, show_secrets=show_secrets),
                "type": o.kind.value,
            }
            for o in snapshot.pending_operations
        ]
    return out | shell


def features(snapshot: Snapshot) -> list[str]:
    """The names of features beyond version 3 that the snapshot uses, sorted."""
    found = set()
    for resource in snapshot.resources:
        for used, name in (
            (resource.refresh_before_update, "refreshBeforeUpdate"),
            (resource.view_of, "views"),
            (resource.resource_hooks, "hooks"),
            (resource.taint, "taint"),
            (resource.replace_with, "replaceWith"),
        ):
            if used:
                found.add(name)
    return sorted(found)


def check_features(names: list[str]) -> None:
    """Raises CheckpointError when a deployment needs a feature that this engine lacks."""
    unsupported = [name for name in names if name not in _SUPPORTED_FEATURES]
    if unsupported:
        raise CheckpointError(
            f"this stack's deployment needs support for the following features: {', '.join(unsupported)}"
        )


def encode_resource(resource: Resource, encrypt: Encrypt, *, show_secrets: bool = False) -> dict[str, Any]:
    """One resource as it stands in a deployment."""
    out: dict[str, Any] = {}
    for name, attribute in _FIELDS:
        value = getattr(resource, attribute)
        if not value and name not in _ALWAYS and attribute != "replacement_trigger":
            continue
        if value is None:
            continue
        if attribute in _VALUES:
            value = to_json(value, encrypt, show_secrets=show_secrets)
        elif isinstance(value, CustomTimeouts):
            value = {
                k: to_json(v, encrypt)
                for k, v in (("create", value.create), ("update", value.update), ("delete", value.delete))
                if v
            }
            if not value:
                continue
        elif attribute == "property_dependencies":
            value = {key: value[key] for key in sorted(value)}
        out[name] = value
    return out | resource.extra


def decode_deployment(data: Mapping[str, Any], decrypt: Decrypt) -> Snapshot:
    """The snapshot in a deployment. `decrypt` is called only when a secret occurs.

    Raises CheckpointError for malformed data.
    """
    manifest = data.get("manifest") or {}
    known = {"time", "magic", "version"}
    return Snapshot(
        manifest=Manifest(
            str(manifest.get("time") or Manifest.time),
            str(manifest.get("magic") or ""),
            str(manifest.get("version") or ""),
            {k: v for k, v in manifest.items() if k not in known},
        ),
        secrets_provider=data.get("secrets_providers"),
        resources=[decode_resource(r, decrypt) for r in data.get("resources") or ()],
        pending_operations=[
            PendingOperation(decode_resource(o["resource"], decrypt), PendingKind(o["type"]))
            for o in data.get("pending_operations") or ()
        ],
        metadata=data.get("metadata") or {},
        extra={
            k: v
            for k, v in data.items()
            if k not in ("manifest", "secrets_providers", "resources", "pending_operations", "metadata")
        },
    )


def decode_resource(data: Mapping[str, Any], decrypt: Decrypt) -> Resource:
    """One resource of a deployment."""
    urn, kind = data.get("urn"), data.get("type")
    if not urn:
        raise CheckpointError("resource missing required 'urn' field")
    if not kind:
        raise CheckpointError(f"resource '{urn}' missing required 'type' field")
    if not data.get("custom") and data.get("id"):
        raise CheckpointError(f"resource '{urn}' has 'custom' false but non-empty ID")
    fields: dict[str, Any] = {}
    for name, attribute in _FIELDS:
        value = data.get(name)
        if value is None:
            continue
        if attribute in _VALUES:
            try:
                value = from_json(value, decrypt)
            except PropertyError as error:
                raise CheckpointError(f"resource '{urn}': {error}") from error
        elif attribute == "custom_timeouts":
            value = CustomTimeouts(value.get("create", 0), value.get("update", 0), value.get("delete", 0))
        elif attribute == "property_dependencies":
            value = {key: list(urns or ()) for key, urns in value.items()}
        fields[attribute] = value
    return Resource(**fields, extra={k: v for k, v in data.items() if k not in _KNOWN})


class IntegrityChecker:
    """Checks one snapshot after the other, and remembers what it looked up of resources that stay."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Resource, int, set[str]]] = {}

    def check(self, snapshot: Snapshot) -> None:
        """Raises IntegrityError unless every resource comes after its parent, provider and dependencies, no
        URN has two live resources, and the manifest's cookie is that of its version."""
        manifest = snapshot.manifest
        magic = hashlib.sha256(manifest.version.encode()).hexdigest() if manifest.version else ""
        if manifest.magic != magic:
            raise IntegrityError("magic cookie mismatch; possible tampering/corruption detected")
        seen: set[str] = set()
        live: set[str] = set()
        providers: set[str] = set()
        for resource in snapshot.resources:
            if not (self._references(resource) <= seen and _plainly_sound(resource, providers)):
                _check_references(resource, seen, providers, snapshot)
            seen.add(resource.urn)
            _count(resource, live, providers)

    def _references(self, resource: Resource) -> set[str]:
        revision = resource.revision
        known = self._known.get(id(resource))
        if known is not None and known[1] == revision:
            return known[2]
        references = resource.references()
        self._known[id(resource)] = (resource, revision, references)
        return references


def check_integrity(snapshot: Snapshot) -> None:
    """Checks a snapshot once; see IntegrityChecker."""
    IntegrityChecker().check(snapshot)


def _plainly_sound(resource: Resource, providers: set[str]) -> bool:
    return (resource.custom or not resource.id) and (not resource.provider or resource.provider in providers)


def _count(resource: Resource, live: set[str], providers: set[str]) -> None:
    """Takes note of a resource that has passed; raises IntegrityError for a second live one of its URN."""
    if resource.type.startswith(PROVIDER_TYPE_PREFIX):
        if not resource.id:
            raise IntegrityError(f"provider {resource.urn} is not referenceable: it has no ID")
        providers.add(f"{resource.urn}::{resource.id}")
    if not resource.delete:
        if resource.urn in live:
            raise IntegrityError(f"duplicate resource {resource.urn} (not marked for deletion)")
        live.add(resource.urn)


def _check_references(resource: Resource, seen: set[str], providers: set[str], snapshot: Snapshot) -> None:
    urn = resource.urn
    if not resource.custom and resource.id:
        raise IntegrityError(f"resource '{urn}' has 'custom' false but non-empty ID")
    if resource.provider and resource.provider not in providers and not resource.pending_replacement:
        raise IntegrityError(f"resource {urn} refers to unknown provider {resource.provider}")
    _check_reference(snapshot, seen, resource.parent, f"child resource {urn}'s parent")
    for dependency in resource.dependencies:
        _check_reference(snapshot, seen, dependency, f"resource {urn}'s dependency")
    for key, dependencies in resource.property_dependencies.items():
        for dependency in dependencies:
            _check_reference(
                snapshot, seen, dependency, f"resource {urn}'s property dependency (from property {key})"
            )
    _check_reference(snapshot, seen, resource.deleted_with, f"resource {urn}'s deletion companion")
    for companion in resource.replace_with:
        _check_reference(snapshot, seen, companion, f"resource {urn}'s replacement companion")


def _check_reference(snapshot: Snapshot, seen: set[str], urn: str, what: str) -> None:
    if not urn or urn in seen:
        return
    later = any(other.urn == urn for other in snapshot.resources)
    raise IntegrityError(f"{what} {urn} {'comes after it' if later else 'refers to missing resource'}")


def _shell(snapshot: Snapshot) -> dict[str, Any]:
    """Everything of a deployment but its resources and pending operations."""
    manifest = snapshot.manifest
    shell: dict[str, Any] = {
        "manifest": {"time": manifest.time, "magic": manifest.magic, "version": manifest.version}
        | dict(manifest.extra)
    }
    if snapshot.secrets_provider:
        shell["secrets_providers"] = dict(snapshot.secrets_provider)
    shell["metadata"] = dict(snapshot.metadata)
    return shell | snapshot.extra


__all__ = [
    "DEPLOYMENT_VERSION",
    "CheckpointError",
    "DeploymentEncoder",
    "IntegrityChecker",
    "IntegrityError",
    "check_features",
    "check_integrity",
    "decode_deployment",
    "decode_resource",
    "encode_deployment",
    "encode_resource",
    "features",
]
