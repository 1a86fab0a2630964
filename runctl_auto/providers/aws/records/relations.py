"""What hangs on a job's machines and volumes: noted before a teardown, since afterwards nothing tells it."""

from __future__ import annotations

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.instances import Relations
from runctl_auto.stack.state import INSTANCE, VOLUME, StackState

SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"


def relations_of(cloud: Cloud, job: str, state: StackState) -> Relations:
    """Ids whose dependents must be gone after the teardown: machines, their own disks, volumes and groups.

    A protected volume is left out: its snapshots may stay as it does.
    """
    instances = [each.id for each in state.of_type(INSTANCE) if each.id]
    volumes = [each.id for each in state.of_type(VOLUME) if each.id and not each.protect]
    groups = [each.id for each in state.of_type(SECURITY_GROUP) if each.id]
    disks = _own_disks(cloud, instances) if instances else []
    return Relations(
        instances=dict.fromkeys(instances, job),
        volumes=dict.fromkeys([*volumes, *disks], job),
        groups=dict.fromkeys(groups, job),
    )


def _own_disks(cloud: Cloud, instances: list[str]) -> list[str]:
    """Disks that are to end with their machine. By filter: an unknown instance is no error then."""
    wanted = [{"Name": "instance-id", "Values": instances}]
    described = cloud.pages("ec2", "describe_instances", "Reservations", Filters=wanted, MaxResults=100)
    return [
        disk["Ebs"]["VolumeId"]
        for group in described
        for each in group["Instances"]
        for disk in each.get("BlockDeviceMappings") or ()
        if disk.get("Ebs", {}).get("DeleteOnTermination")
    ]
