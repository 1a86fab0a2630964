"""What can be protected of a stack and is in its state: each volume, the bucket of a job, a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import UsageError
from runctl_auto.stack.kinds import titled
from runctl_auto.stack.state import (
    ARTIFACT_BUCKET,
    BUCKET,
    DATA_VOLUME,
    NETWORK_VOLUME,
    SNAPSHOT,
    SNAPSHOT_COPY,
    VOLUME,
    VOLUME_SNAPSHOT,
    ResourceState,
    StackState,
)

BUCKET_KEY = "bucket"
"""The key of the job's bucket, used in place of a volume's."""


def volume_key(name: str) -> str:
    """The key of a volume in the configuration, which never equals the bucket's."""
    return f"volume:{name}"


@dataclass(frozen=True)
class Held:
    """A component that can be protected. ``urns``: its own and its children's; ``id``: its resource's."""

    key: str
    name: str
    kind: str
    id: str
    protected: bool
    urns: tuple[str, ...]
    zone: str | None = None
    snapshot: str | None = None
    size_gb: int | None = None

    def __str__(self) -> str:
        return f"bucket '{self.id or self.name}'" if self.kind == "bucket" else f"{self.kind} '{self.name}'"


def held_in(job: str, state: StackState) -> tuple[Held, ...]:
    """Everything of ``job`` in the state that can be protected."""
    return tuple(_held(job, state))


def find_held(text: str, job: str, state: StackState) -> Held:
    """The component that ``text`` names: a volume's name, ``bucket``, a resource's name or its id in the
    cloud.

    Raises ``UsageError`` that lists the valid names.
    """
    held = held_in(job, state)
    for each in held:
        if text in (each.key, each.name, each.id, f"{job}-{each.name}"):
            return each
    there = ", ".join(f"{each.name} ({each.id})" for each in held if each.id) or "nothing"
    raise UsageError(
        f"{titled(job).capitalize()} has nothing called '{text}' that can be protected.",
        where={"job": job, "resource": text},
        next_step=f"What can be: {there}.",
    )


_KINDS = {
    DATA_VOLUME: "volume",
    NETWORK_VOLUME: "volume",
    ARTIFACT_BUCKET: "bucket",
    VOLUME_SNAPSHOT: "snapshot",
}
_RESOURCES = {"volume": (VOLUME, NETWORK_VOLUME), "bucket": (BUCKET,), "snapshot": (SNAPSHOT, SNAPSHOT_COPY)}


def _held(job: str, state: StackState) -> Iterator[Held]:
    for component in state.resources:
        kind = _KINDS.get(component.type)
        if component.delete or kind is None:
            continue
        inside = tuple(_inside(component, state))
        # A network volume is no component: it is itself what it holds.
        resource = next((each for each in (component, *inside) if each.type in _RESOURCES[kind]), None)
        name = BUCKET_KEY if kind == "bucket" else component.name.removeprefix(f"{job}-")
        yield Held(
            key=BUCKET_KEY if kind == "bucket" else f"{kind}:{name}",
            name=name,
            kind=kind,
            id=resource.id if resource else "",
            protected=any(each.protect for each in (component, *inside)),
            urns=(component.urn, *(each.urn for each in inside)),
            **(_volume_facts(resource) if resource and kind == "volume" else {}),
        )


def zone_of(volume: ResourceState) -> str | None:
    """The zone or data centre of a volume; None while it is unknown."""
    field = "dataCenter" if volume.type == NETWORK_VOLUME else "availabilityZone"
    return volume.outputs.get(field) or volume.inputs.get(field) or None


def _volume_facts(volume: ResourceState) -> dict[str, Any]:
    size = volume.outputs.get("size") or volume.inputs.get("size")
    return {
        "zone": zone_of(volume),
        "snapshot": volume.inputs.get("snapshotId") or None,
        "size_gb": int(size) if size else None,
    }


def _inside(component: ResourceState, state: StackState) -> Iterator[ResourceState]:
    for each in state.resources:
        if each.parent == component.urn and not each.delete:
            yield each
            yield from _inside(each, state)
