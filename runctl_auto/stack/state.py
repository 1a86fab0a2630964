"""A stack's exported state as data: what exists, what is protected, which operations were left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runctl_auto.engine.events import name_of

INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
BUCKET = "aws:s3/bucket:Bucket"
DATA_VOLUME = "runctl:aws:DataVolume"
ARTIFACT_BUCKET = "runctl:aws:ArtifactBucket"
STACK = "pulumi:pulumi:Stack"
_PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(frozen=True)
class ResourceState:
    """One resource as the state holds it."""

    urn: str
    type: str
    id: str
    custom: bool
    protect: bool
    delete: bool
    external: bool
    parent: str
    dependencies: tuple[str, ...]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        return name_of(self.urn)

    @property
    def in_cloud(self) -> bool:
        """Whether it stands for something in the cloud that this stack manages."""
        return self.custom and not self.external and not self.type.startswith("pulumi:")

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(_PROVIDER_PREFIX)


@dataclass(frozen=True)
class PendingOperation:
    """An operation whose outcome the state does not know, since the engine was killed."""

    operation: str
    resource: ResourceState


@dataclass(frozen=True)
class StackState:
    """The whole state of a stack."""

    resources: tuple[ResourceState, ...]
    pending: tuple[PendingOperation, ...]

    def of_type(self, type_token: str) -> Iterator[ResourceState]:
        """Live resources of a type, in the order of the state."""
        return (each for each in self.resources if each.type == type_token and not each.delete)

    def in_cloud(self) -> tuple[ResourceState, ...]:
        """All that stands for something in the cloud, old copies that wait for deletion included."""
        return tuple(each for each in self.resources if each.in_cloud)

    def first(self, type_token: str) -> ResourceState | None:
        return next(self.of_type(type_token), None)

    @property
    def pending_creates(self) -> tuple[PendingOperation, ...]:
        return tuple(each for each in self.pending if each.operation == "creating")


def parse_state(deployment: Mapping[str, Any]) -> StackState:
    """The state from an exported deployment (format version 3). An empty stack has an empty state."""
    return StackState(
        resources=tuple(_resource(each) for each in deployment.get("resources") or ()),
        pending=tuple(
            PendingOperation(str(each.get("type", "")), _resource(each.get("resource") or {}))
            for each in deployment.get("pending_operations") or ()
        ),
    )


def _resource(data: Mapping[str, Any]) -> ResourceState:
    return ResourceState(
        urn=str(data.get("urn", "")),
        type=str(data.get("type", "")),
        id=str(data.get("id", "")),
        custom=bool(data.get("custom", False)),
        protect=bool(data.get("protect", False)),
        delete=bool(data.get("delete", False)),
        external=bool(data.get("external", False)),
        parent=str(data.get("parent", "")),
        dependencies=tuple(data.get("dependencies") or ()),
        inputs=data.get("inputs") or {},
        outputs=data.get("outputs") or {},
    )
