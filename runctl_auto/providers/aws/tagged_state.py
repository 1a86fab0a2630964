"""What a job has in the cloud, found by its tags, in the form of a stack's state.

For a job that another Pulumi program declares: the state of that program's stack is not at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components import tags
from components.naming import TAG_LIMIT, Names
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.stack.state import GROUP, INSTANCE, VOLUME, ResourceState, StackState

_ENDED = ("shutting-down", "terminated")
_GONE = ("deleting", "deleted")


def tagged_state(
    cloud: Cloud, names: Names, spec: JobSpec, *, run: str, identity: Mapping[str, str]
) -> StackState:
    """The volumes of ``spec``, and the machine or group of ``run``, that carry the tags ``identity``.

    Blocking requests, one for each kind. Raises CloudError when one fails.
    """
    found = (*_volumes(cloud, names, spec, identity), *_compute(cloud, {**identity, tags.RUN: run}))
    return StackState(found, ())


def _volumes(
    cloud: Cloud, names: Names, spec: JobSpec, identity: Mapping[str, str]
) -> Iterator[ResourceState]:
    labels = {
        names.name(f"volume-{each.name}", limit=TAG_LIMIT): each.name
        for each in spec.volumes
        if each.id is None
    }
    if not labels:
        return
    wanted = [*_filters(identity), {"Name": "tag:Name", "Values": sorted(labels)}]
    for volume in cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted):
        if volume["State"] in _GONE:
            continue
        label = next(each["Value"] for each in volume["Tags"] if each["Key"] == "Name")
        outputs = {"availabilityZone": volume["AvailabilityZone"]}
        yield _resource(VOLUME, f"{spec.name}-{labels[label]}-volume", volume["VolumeId"], outputs)


def _compute(cloud: Cloud, identity: Mapping[str, str]) -> Iterator[ResourceState]:
    groups = cloud.pages(
        "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", Filters=_filters(identity)
    )
    group = next((each for each in groups if each.get("Status") is None), None)
    if group is not None:
        yield _resource(GROUP, "machines", group["AutoScalingGroupName"])
        return
    for reservation in cloud.pages("ec2", "describe_instances", "Reservations", Filters=_filters(identity)):
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] not in _ENDED:
                yield _resource(INSTANCE, "machine", instance["InstanceId"])


def _filters(identity: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in identity.items()]


def _resource(
    type_token: str, name: str, identity: str, outputs: Mapping[str, Any] | None = None
) -> ResourceState:
    return ResourceState.found(
        f"urn:pulumi:tagged::tagged::{type_token}::{name}", type_token, identity, outputs
    )
