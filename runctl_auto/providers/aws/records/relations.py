"""Dependents of a job's machines and volumes: recorded before a teardown, which removes the evidence."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.machine_groups import find_groups
from runctl_auto.providers.aws.records.instances import INSTANCE
from runctl_auto.providers.aws.records.kind import AwsKind
from runctl_auto.providers.aws.records.networks import SECURITY_GROUP
from runctl_auto.providers.aws.records.volumes import VOLUME
from runctl_auto.providers.resource import Relations
from runctl_auto.stack.state import GROUP, ResourceState, StackState


def relations_of(cloud: Cloud, job: str, state: StackState) -> Relations:
    """Ids whose dependents must be gone after the teardown: machines, their own disks, volumes and groups.

    Protected volumes are excluded: their snapshots may stay as well.
    """
    instances = [*(each.id for each in _of_kind(state, INSTANCE)), *_machines_of_groups(cloud, state)]
    volumes = [each.id for each in _of_kind(state, VOLUME) if not each.protect]
    disks = _own_disks(cloud, instances) if instances else []
    return Relations(
        instances=dict.fromkeys(instances, job),
        volumes=dict.fromkeys([*volumes, *disks], job),
        groups=dict.fromkeys((each.id for each in _of_kind(state, SECURITY_GROUP)), job),
    )


def _machines_of_groups(cloud: Cloud, state: StackState) -> Iterator[str]:
    names = [each.id for each in state.of_type(GROUP) if each.id]
    groups = find_groups(cloud, names) if names else {}
    return (machine for each in groups.values() for machine in each.machines)


def _of_kind(state: StackState, kind: AwsKind) -> Iterator[ResourceState]:
    return (each for token in kind.types for each in state.of_type(token) if each.id)


def _own_disks(cloud: Cloud, instances: list[str]) -> list[str]:
    """Disks that are deleted with their machine. Uses a filter, so that an unknown instance is no error."""
    wanted = [{"Name": "instance-id", "Values": instances}]
    return [
        disk["Ebs"]["VolumeId"]
        for group in INSTANCE.listing.pages(cloud, Filters=wanted)
        for each in group["Instances"]
        for disk in each.get("BlockDeviceMappings") or ()
        if disk.get("Ebs", {}).get("DeleteOnTermination")
    ]
