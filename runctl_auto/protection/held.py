"""What can be protected of a job and is in its state: each volume, and the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import UsageError
from runctl_auto.stack.state import ARTIFACT_BUCKET, BUCKET, DATA_VOLUME, VOLUME, ResourceState, StackState

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
        return f"{self.kind} '{self.name}'" if self.kind == "volume" else f"bucket '{self.id or self.name}'"


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
        f"Job '{job}' has nothing called '{text}' that can be protected.",
        where={"job": job, "resource": text},
        next_step=f"What can be: {there}.",
    )


def _held(job: str, state: StackState) -> Iterator[Held]:
    for component in state.resources:
        if component.delete or component.type not in (DATA_VOLUME, ARTIFACT_BUCKET):
            continue
        inside = tuple(_inside(component, state))
        is_volume = component.type == DATA_VOLUME
        resource = next((each for each in inside if each.type == (VOLUME if is_volume else BUCKET)), None)
        name = component.name.removeprefix(f"{job}-") if is_volume else BUCKET_KEY
        yield Held(
            key=volume_key(name) if is_volume else BUCKET_KEY,
            name=name,
            kind="volume" if is_volume else "bucket",
            id=resource.id if resource else "",
            protected=any(each.protect for each in (component, *inside)),
            urns=(component.urn, *(each.urn for each in inside)),
            **(_volume_facts(resource) if resource and is_volume else {}),
        )


def _volume_facts(volume: ResourceState) -> dict[str, Any]:
    size = volume.outputs.get("size") or volume.inputs.get("size")
    return {
        "zone": volume.outputs.get("availabilityZone") or volume.inputs.get("availabilityZone") or None,
        "snapshot": volume.inputs.get("snapshotId") or None,
        "size_gb": int(size) if size else None,
    }


def _inside(component: ResourceState, state: StackState) -> Iterator[ResourceState]:
    for each in state.resources:
        if each.parent == component.urn and not each.delete:
            yield each
            yield from _inside(each, state)
