"""A stack's exported state as data: resources, protection, pending operations."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from runctl_auto.job_file.spec import CloudName
from runctl_auto.stack.urn import name_of

INSTANCE = "aws:ec2/instance:Instance"
GROUP = "aws:autoscaling/group:Group"
POD = "runctl-runpod:index:Pod"
PROCESS = "local:job/process:Process"
"""The agent of a job of this machine, which is its machine."""
MACHINES = (INSTANCE, POD, PROCESS)
"""Single machines, of any provider."""
VOLUME = "aws:ebs/volume:Volume"
NETWORK_VOLUME = "runctl-runpod:index:NetworkVolume"
VOLUMES = (VOLUME, NETWORK_VOLUME)
"""Volumes that a job has made, of any provider."""
ENVIRONMENTS: Mapping[str, CloudName] = {
    "runctl:aws:TrainingEnvironment": "aws",
    "runctl:runpod:TrainingEnvironment": "runpod",
}
"""What holds all resources of a job, and with which provider."""
BUCKET = "aws:s3/bucket:Bucket"
SNAPSHOT = "aws:ebs/snapshot:Snapshot"
SNAPSHOT_COPY = "aws:ebs/snapshotCopy:SnapshotCopy"
FOLDER = "local:job/folder:Folder"
DATA_VOLUME = "runctl:aws:DataVolume"
VOLUME_SNAPSHOT = "runctl:aws:VolumeSnapshot"
ARTIFACT_BUCKET = "runctl:aws:ArtifactBucket"
STACK = "pulumi:pulumi:Stack"
_OF_RUNPOD = "runctl-runpod:"
_PROVIDER_PREFIX = "pulumi:providers:"
_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - marks a secret in a state
"""As Pulumi's engine writes a secret: an object with this signature and the ciphertext."""
_NO_TIME = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class ResourceState:
    """One resource in the state."""

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
    provider: str = ""
    """The URN of its provider resource."""
    created: datetime | None = None
    pending_replacement: bool = False
    """Deleted for a replacement that is not created yet: the id is that of the deleted resource."""

    @classmethod
    def found(
        cls, urn: str, token: str, identity: str, outputs: Mapping[str, Any] | None = None
    ) -> ResourceState:
        """Something that was found to exist and that no state holds, as a resource of a stack."""
        return cls(
            urn=urn,
            type=token,
            id=identity,
            custom=True,
            protect=False,
            delete=False,
            external=False,
            parent="",
            dependencies=(),
            inputs={},
            outputs=outputs or {},
        )

    @property
    def name(self) -> str:
        return name_of(self.urn)

    @property
    def in_cloud(self) -> bool:
        """Whether it represents a cloud resource that this stack manages."""
        managed = self.custom and not self.external and not self.type.startswith("pulumi:")
        return managed and not self.pending_replacement

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
    """The whole state of a stack. ``written_at``: when an operation last wrote it; ``begun_at``: when its
    oldest resource was created; None if unknown. ``version`` differs between any two states that were
    written; None for one that was not.
    """

    resources: tuple[ResourceState, ...]
    pending: tuple[PendingOperation, ...]
    written_at: datetime | None = None
    begun_at: datetime | None = None
    version: str | None = None

    def of_type(self, type_token: str) -> Iterator[ResourceState]:
        """Live resources of a type, in the order of the state."""
        return (each for each in self.resources if each.type == type_token and not each.delete)

    def in_cloud(self) -> tuple[ResourceState, ...]:
        """Everything that represents a cloud resource, including old copies pending deletion."""
        return tuple(each for each in self.resources if each.in_cloud)

    def volumes(self) -> tuple[ResourceState, ...]:
        """The volumes that the job has made."""
        return tuple(each for token in VOLUMES for each in self.of_type(token))

    def clouds(self) -> frozenset[CloudName]:
        """The providers that the job has something of its own with, beside its bucket at AWS: more than one
        after an update that broke off on the way from one to the other."""
        found = {ENVIRONMENTS[each.type] for each in self.resources if each.type in ENVIRONMENTS}
        is_there = any(each.type.startswith(_OF_RUNPOD) for each in self.resources)
        return frozenset({*found, *(("runpod",) if is_there else ())})

    def machine(self) -> ResourceState | None:
        """The single machine that it names; None without one, also when a group has the machine."""
        return next((each for token in MACHINES for each in self.of_type(token)), None)

    def machines(self) -> tuple[ResourceState, ...]:
        """The machines that it names, in the order of the nodes; none when a group has the machine."""
        found = (each for token in MACHINES for each in self.of_type(token))
        return tuple(sorted(found, key=lambda each: (len(each.name), each.name)))

    def first(self, type_token: str) -> ResourceState | None:
        return next(self.of_type(type_token), None)

    def plain_outputs(self) -> dict[str, Any]:
        """The stack's own outputs that are not secret."""
        stack = self.first(STACK)
        outputs = stack.outputs.items() if stack else ()
        return {key: value for key, value in outputs if not _is_secret(value)}

    def needed_by(self, urns: Collection[str]) -> frozenset[str]:
        """``urns`` and all that they need: their parents, dependencies and providers, transitively."""
        by_urn: dict[str, list[ResourceState]] = {}
        for each in self.resources:
            by_urn.setdefault(each.urn, []).append(each)
        found: set[str] = set()
        left = [urn for urn in urns if urn in by_urn]
        while left:
            urn = left.pop()
            if urn not in found:
                found.add(urn)
                for each in by_urn[urn]:
                    needs = (each.parent, each.provider, *each.dependencies)
                    left += [other for other in needs if other in by_urn]
        return frozenset(found)

    @property
    def pending_creates(self) -> tuple[PendingOperation, ...]:
        return tuple(each for each in self.pending if each.operation == "creating")


def _is_secret(value: object) -> bool:
    return isinstance(value, Mapping) and value.get(_SIGNATURE) == _SECRET


def parse_state(deployment: Mapping[str, Any]) -> StackState:
    """The state from an exported deployment (format version 3). An empty stack has an empty state."""
    listed = deployment.get("resources") or ()
    resources = tuple(_resource(each) for each in listed)
    return StackState(
        resources=resources,
        pending=tuple(
            PendingOperation(str(each.get("type", "")), _resource(each.get("resource") or {}))
            for each in deployment.get("pending_operations") or ()
        ),
        written_at=_moment((deployment.get("manifest") or {}).get("time")),
        begun_at=min(filter(None, (each.created for each in resources)), default=None),
    )


def version_of(deployment: Mapping[str, Any]) -> str:
    """The version of a state that an engine exported: it differs between any two that were written."""
    text = json.dumps(deployment, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _moment(text: object) -> datetime | None:
    """A time in a state, RFC 3339 with up to nine decimals of a second; None if there is none."""
    matched = _TIME.match(text) if isinstance(text, str) else None
    if matched is None or text == _NO_TIME:
        return None
    fraction = float(f"0{matched[2] or ''}")
    zone = matched[3].replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(f"{matched[1]}{zone}").astimezone(timezone.utc) + timedelta(
            seconds=fraction
        )
    except ValueError:
        return None


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
        provider=str(data.get("provider", "")).rpartition("::")[0],
        created=_moment(data.get("created")),
        pending_replacement=bool(data.get("pendingReplacement", False)),
    )
