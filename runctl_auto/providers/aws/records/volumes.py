"""EBS volumes and their snapshots."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.aws.records import ec2, names
from runctl_auto.providers.aws.records.kind import AwsKind, Described, ListCall, Look
from runctl_auto.providers.aws.records.prices import volume_hour
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.resource import CloudResource


def _find_volumes(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Tagged, named, known by id, and disks that are deleted with an instance of runctl's.

    Other disks on such an instance belong to the user.
    """
    related = search.related
    by_instance = ec2.in_filters("attachment.instance-id", related.instances)
    by_id = ec2.in_filters("volume-id", related.volumes)
    for each in ec2.listed(kind, search, (*by_instance, *by_id)):
        attachments = each.get("Attachments") or ()
        ending = [related.instances.get(one["InstanceId"]) for one in attachments if ec2.is_deleted_with(one)]
        whose = ec2.attribution(kind, search, each, (related.volumes.get(each["VolumeId"]), *ending))
        if whose is not None and each.get("State") not in ("deleting", "deleted"):
            parent = next((str(one["InstanceId"]) for one in attachments), "")
            part = any(ec2.is_deleted_with(one) for one in attachments)
            yield ec2.resource(kind, search, each, whose, parent=parent, part=part)


def _find_snapshots(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    volumes = search.related.volumes
    for each in ec2.listed(kind, search, ec2.in_filters("volume-id", volumes)):
        volume = str(each.get("VolumeId") or "")
        whose = ec2.attribution(kind, search, each, [volumes.get(volume)])
        if whose is not None:
            yield ec2.resource(kind, search, each, whose, parent=volume if volume in volumes else "")


def _volume_price(search: Search, _job: str, volume: Described) -> float | None:
    return volume_hour(search.cloud.region, volume.get("VolumeType", ""), volume.get("Size", 0))


VOLUME = AwsKind(
    name=names.VOLUME,
    types=("aws:ebs/volume:Volume",),
    parents=(names.INSTANCE,),
    managed_with=(names.INSTANCE,),
    removed_after=(names.INSTANCE, names.SNAPSHOT),  # a snapshot without tags is identified by its volume
    made_by_stacks=True,
    lists=(
        ListCall("ec2", "describe_volumes", items="Volumes", id_key="VolumeId", created_key="CreateTime"),
    ),
    looks=(Look(_find_volumes, stage=3),),
    removal=ec2.delete("delete_volume", "VolumeId"),
    commands=ec2.command("delete-volume --volume-id"),
    arns=(f"{ec2.ARN}:volume/*",),
    cost=_volume_price,
)

SNAPSHOT = AwsKind(
    name=names.SNAPSHOT,
    types=("aws:ebs/snapshot:Snapshot", "aws:ebs/snapshotCopy:SnapshotCopy"),
    parents=(names.VOLUME,),
    managed_with=(names.VOLUME,),
    made_by_stacks=True,
    lists=(
        ListCall(
            "ec2",
            "describe_snapshots",
            items="Snapshots",
            id_key="SnapshotId",
            created_key="StartTime",
            fixed=(("OwnerIds", ["self"]),),
        ),
    ),
    looks=(Look(_find_snapshots, stage=4),),
    removal=ec2.delete("delete_snapshot", "SnapshotId"),
    commands=ec2.command("delete-snapshot --snapshot-id"),
    arns=("arn:{partition}:ec2:{region}::snapshot/*",),
)
