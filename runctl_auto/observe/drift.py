"""Differences between the stack's state and the cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from runctl_auto.providers.compute import ComputeNow
from runctl_auto.providers.contract import Machine, VolumeUse
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import GROUP, VOLUME, ResourceState, StackState


@dataclass(frozen=True)
class Drift:
    """One difference; ``resource`` is the name in the state, ``id`` the cloud's."""

    resource: str
    id: str
    what: str
    next_step: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def machine_drift(
    job: str, state: StackState, compute: ComputeNow, status: RunStatus | None
) -> Iterator[Drift]:
    """Drift of the instance or group. ``compute`` is the cloud's description of what the state names."""
    group = state.first(GROUP)
    instances = {each.id: each for each in state.machines()}
    if group is not None:
        yield from _group_drift(job, group, compute, status)
    for machine in compute.all:
        if machine.id in instances:
            yield from _instance_drift(job, instances[machine.id], machine, status)


def _group_drift(
    job: str, group: ResourceState, compute: ComputeNow, status: RunStatus | None
) -> Iterator[Drift]:
    """A group that wants no machine once its run has ended is none: that is how a run ends."""
    ended = status is not None and status.ended
    if compute.group is None and not ended:
        yield Drift(
            group.name,
            group.id,
            "the state has it, and the cloud does not",
            "`runctl up` with the job file makes it anew; the run goes on from its last checkpoint.",
        )
    elif compute.group is not None and not compute.runs and not ended:
        yield Drift(
            group.name,
            group.id,
            "it wants no machine, and the run has not ended",
            "`runctl up` with the job file goes on from the last checkpoint, as a new attempt.",
        )
    elif compute.wants_machine and ended:
        yield Drift(
            group.name,
            group.id,
            f"the run has ended ({status.phase if status else ''}), and it still wants a machine",
            f"A machine that finds its run ended ends the group; if not, `runctl down {job}` does.",
        )


def _instance_drift(
    job: str, instance: ResourceState, machine: Machine, status: RunStatus | None
) -> Iterator[Drift]:
    ended = status is not None and status.ended
    if machine.is_ending and not ended:
        yield Drift(
            instance.name,
            machine.id,
            f"the state has it, and it is {machine.state}",
            "`runctl up` with the job file gives the run a new machine, from its last checkpoint.",
        )
    elif ended and not machine.is_ending:
        yield Drift(
            instance.name,
            machine.id,
            f"the run has ended ({status.phase if status else ''}), and it is still {machine.state}",
            f"It ends itself within a minute; if not, `runctl down {job}` ends it.",
        )
    recorded = instance.outputs.get("instanceType")
    if machine.type and recorded and machine.type != recorded and not machine.has_ended:
        yield Drift(
            instance.name,
            machine.id,
            f"the state has type {recorded}, and it is a {machine.type}",
            "`runctl up` with the job file makes it what the job says.",
        )


def volume_drift(state: StackState, found: Mapping[str, VolumeUse], compute: ComputeNow) -> Iterator[Drift]:
    """Volumes that are gone or attached elsewhere. ``found`` are those that exist, by id."""
    own = {*(each.id for each in state.machines()), *(compute.group.machines if compute.group else ())}
    for volume in _own_volumes(state):
        use = found.get(volume.id)
        if use is None:
            yield Drift(
                volume.name,
                volume.id,
                "the state has it, and the cloud does not",
                "`runctl up` with the job file makes a new, empty one; restore a snapshot if there is one.",
            )
            continue
        strangers = [each for each in use.machines if each not in own]
        if strangers:
            yield Drift(
                volume.name,
                volume.id,
                f"it is attached to {', '.join(strangers)}, which is not this job's machine",
                f"Detach it: {use.detach}",
            )


def volume_ids(state: StackState) -> list[str]:
    """Ids of the job's own volumes, for the query to the provider."""
    return [each.id for each in _own_volumes(state)]


def _own_volumes(state: StackState) -> list[ResourceState]:
    return [each for each in state.of_type(VOLUME) if each.id and each.in_cloud]
