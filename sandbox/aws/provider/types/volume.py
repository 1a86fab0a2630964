"""EBS volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types import ec2_tags

_STANDARD_SECONDS = 300.0
_MODIFIED = frozenset({"size", "type", "iops", "throughput"})
_PROVISIONED = ("gp3", "io1", "io2")


class Volume(ResourceType):
    """`aws.ebs.Volume`."""

    token = "aws:ebs/volume:Volume"  # noqa: S105
    title = "EBS Volume"
    inputs = table(
        {
            "availabilityZone": replaces(required=True),
            "encrypted": replaces(Kind.BOOLEAN, computed=True),
            "finalSnapshot": updates(Kind.BOOLEAN, told=False),
            "iops": updates(Kind.INTEGER, computed=True),
            "kmsKeyId": replaces(computed=True),
            "multiAttachEnabled": refused(Change.REPLACE),
            "outpostArn": refused(Change.REPLACE),
            "region": REGION,
            "size": updates(Kind.INTEGER, computed=True),
            "snapshotId": replaces(computed=True),
            "tags": TAGS,
            "tagsAll": TAGS,
            "throughput": updates(Kind.INTEGER, computed=True),
            "type": updates(computed=True, allowed=("standard", "io1", "io2", "gp2", "gp3", "sc1", "st1")),
            "volumeInitializationRate": replaces(Kind.INTEGER),
        }
    )
    outputs = ("arn", "createTime")

    def check(self, inputs: Properties) -> Iterator[Problem]:
        if "size" not in inputs and "snapshotId" not in inputs:
            yield Problem("size", "one of `size,snapshot_id` must be specified")
        if "volumeInitializationRate" in inputs and "snapshotId" not in inputs:
            yield Problem(
                "volumeInitializationRate",
                "it needs a `snapshot_id`",
            )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "ec2",
            "create_volume",
            f"creating {self.title}",
            AvailabilityZone=inputs["availabilityZone"],
            Encrypted=inputs.get("encrypted"),
            Iops=inputs.get("iops"),
            KmsKeyId=inputs.get("kmsKeyId"),
            Size=inputs.get("size"),
            SnapshotId=inputs.get("snapshotId"),
            Throughput=inputs.get("throughput"),
            VolumeInitializationRate=inputs.get("volumeInitializationRate"),
            VolumeType=inputs.get("type"),
            TagSpecifications=ec2_tags.specification("volume", inputs.get("tagsAll")),
        )
        return str(answer["VolumeId"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        del inputs
        cloud.wait_until(
            lambda: (_find(cloud, identifier) or {}).get("State") == "available",
            doing=f"waiting for {self.title} ({identifier}) create",
            standard=_STANDARD_SECONDS,
        )

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        volume = _find(cloud, identifier)
        if volume is None:
            return None
        tags = tagging.told(tagging.from_list(volume.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": cloud.arn("ec2", f"volume/{identifier}"),
            "availabilityZone": volume["AvailabilityZone"],
            "createTime": volume["CreateTime"].isoformat(),
            "encrypted": volume.get("Encrypted", False),
            "finalSnapshot": known.carried("finalSnapshot", False),
            "iops": volume.get("Iops", 0),
            "kmsKeyId": volume.get("KmsKeyId", ""),
            "multiAttachEnabled": volume.get("MultiAttachEnabled", False),
            "outpostArn": "",
            "region": cloud.region,
            "size": volume["Size"],
            "snapshotId": volume.get("SnapshotId") or "",
            "throughput": volume.get("Throughput", 0),
            "type": volume["VolumeType"],
            "volumeInitializationRate": volume.get("VolumeInitializationRate")
            or known.carried("volumeInitializationRate", None),
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        if changed & _MODIFIED:
            kind = inputs.get("type", state["type"])
            cloud.call(
                "ec2",
                "modify_volume",
                f"modifying {self.title} ({identifier})",
                VolumeId=identifier,
                Size=inputs.get("size"),
                VolumeType=kind,
                Iops=inputs.get("iops") if kind in _PROVISIONED else None,
                Throughput=inputs.get("throughput") if kind == "gp3" else None,
            )
        if "tagsAll" in changed or "tags" in changed:
            ec2_tags.apply(cloud, identifier, self.title, state.get("tagsAll"), inputs.get("tagsAll"))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        doing = f"deleting {self.title} ({identifier})"
        if state.get("finalSnapshot"):
            self._take_final_snapshot(cloud, identifier, state)
        try:
            cloud.retry_while(
                frozenset({"VolumeInUse"}),
                lambda: cloud.call("ec2", "delete_volume", doing, VolumeId=identifier),
                standard=_STANDARD_SECONDS,
            )
        except CloudError as error:
            if error.code == "InvalidVolume.NotFound":
                return
            raise
        cloud.wait_until(
            lambda: _find(cloud, identifier) is None,
            doing=f"waiting for {self.title} ({identifier}) delete",
            standard=_STANDARD_SECONDS,
        )

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"iops", "throughput"}) - changed if "type" in changed else frozenset()

    def _take_final_snapshot(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        snapshot = cloud.call(
            "ec2",
            "create_snapshot",
            f"creating EBS Snapshot ({identifier})",
            VolumeId=identifier,
            TagSpecifications=ec2_tags.specification("snapshot", state.get("tagsAll")),
        )["SnapshotId"]

        def is_completed() -> bool:
            found = cloud.call("ec2", "describe_snapshots", SnapshotIds=[snapshot])["Snapshots"]
            return bool(found and found[0]["State"] == "completed")

        cloud.wait_until(
            is_completed, doing=f"waiting for EBS Snapshot ({snapshot}) create", standard=_STANDARD_SECONDS
        )


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    try:
        volumes = cloud.call(
            "ec2", "describe_volumes", f"reading EBS Volume ({identifier})", VolumeIds=[identifier]
        )["Volumes"]
    except CloudError as error:
        if error.code == "InvalidVolume.NotFound":
            return None
        raise
    return dict(volumes[0]) if volumes and volumes[0]["State"] != "deleted" else None
