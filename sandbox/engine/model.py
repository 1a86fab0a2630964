"""A stack's state in memory: resources, the operations under way, and the snapshot that holds both.

Resources are compared by identity: while a replacement is under way, two resources share one URN.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sandbox.engine.properties import PropertyMap, PropertyValue

ENGINE_VERSION = "3.260.0"
"""The version of Pulumi's engine whose behaviour and formats this engine follows."""

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"


class Op(str, Enum):
    """What a step does; the texts are those of Pulumi's events."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    READ_DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"


class PendingKind(str, Enum):
    """What a pending operation was doing when it was recorded."""

    CREATING = "creating"
    UPDATING = "updating"
    DELETING = "deleting"
    READING = "reading"
    IMPORTING = "importing"


@dataclass(frozen=True)
class CustomTimeouts:
    """Limits in seconds for a provider's calls; 0 means the provider's own."""

    create: float = 0
    update: float = 0
    delete: float = 0


@dataclass(eq=False)
class Resource:
    """One resource of a stack, with every field that a checkpoint knows.

    `extra` holds the fields of a checkpoint that this engine does not know, so that they are kept.
    Times are RFC 3339 texts. Values in its fields are replaced, never
    changed in place: other threads may be reading them.
    """

    urn: str
    type: str
    custom: bool = False
    delete: bool = False
    id: str = ""
    inputs: PropertyMap = field(default_factory=dict)
    outputs: PropertyMap = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: CustomTimeouts | None = None
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    created: str | None = None
    modified: str | None = None
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    hide_diff: list[Any] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: PropertyValue = None
    refresh_before_update: bool = False
    view_of: str = ""
    resource_hooks: dict[str, list[str]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    revision: int = field(default=0, init=False, repr=False)
    """Counts changes, so that what was derived from the resource can be told to be out of date."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        object.__setattr__(self, "revision", self.__dict__.get("revision", 0) + 1)

    def copy(self, **changes: Any) -> Resource:
        """A resource with the same fields (values shared) but for the changes."""
        fields = {k: v for k, v in self.__dict__.items() if k not in ("revision", "encoded")}
        return Resource(**(fields | changes))

    @property
    def name(self) -> str:
        """The logical name, the last part of the URN."""
        return self.urn.split("::", 3)[3]

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider resource."""
        return self.type.startswith(PROVIDER_TYPE_PREFIX)

    def references(self) -> set[str]:
        """The URNs of resources that must stand before this one: its parent, what it depends on by option
        or property, what it is deleted with, and its provider."""
        urns = set(self.dependencies)
        for names in self.property_dependencies.values():
            urns.update(names)
        urns.update(u for u in (self.parent, self.deleted_with, *self.replace_with) if u)
        if self.provider:
            urns.add(provider_urn(self.provider))
        return urns


def provider_urn(reference: str) -> str:
    """The URN in a provider reference (`URN::ID`)."""
    return reference.rpartition("::")[0]


@dataclass(frozen=True)
class PendingOperation:
    """An operation that was under way when the snapshot was written."""

    resource: Resource
    kind: PendingKind


@dataclass(frozen=True)
class Manifest:
    """Who wrote a snapshot, and when (RFC 3339, UTC)."""

    time: str = "0001-01-01T00:00:00Z"
    magic: str = ""
    version: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_this_engine(cls, time: str) -> Manifest:
        """The manifest of a snapshot that this engine writes at `time`."""
        version = f"v{ENGINE_VERSION}"
        return cls(time, hashlib.sha256(version.encode()).hexdigest(), version)


@dataclass
class Snapshot:
    """A stack's whole state. `secrets_provider` is `{"type": …, "state": …}` as in the checkpoint."""

    manifest: Manifest = field(default_factory=Manifest)
    secrets_provider: Mapping[str, Any] | None = None
    resources: list[Resource] = field(default_factory=list)
    pending_operations: list[PendingOperation] = field(default_factory=list)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def stack_resource(self) -> Resource | None:
        """The root stack resource, whose outputs are the stack's; None for a stack never deployed."""
        return next((r for r in self.resources if r.type == STACK_TYPE and not r.delete), None)
