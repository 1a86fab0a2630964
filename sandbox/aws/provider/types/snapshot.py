"""EBS snapshots, and copies of them."""

from __future__ import annotations

from typing import Any, ClassVar

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types import ec2_tags

_STANDARD_SECONDS = 600.0
_GONE = "InvalidSnapshot.NotFound"
_OUTPUTS = ("arn", "dataEncryptionKeyId", "ownerAlias", "ownerId", "volumeSize")
_TIER = {
    "permanentRestore": refused(Change.UPDATE),
    "storageTier": updates(computed=True, allowed=("standard",)),
    "temporaryRestoreDays": refused(Change.UPDATE),
}


class _AnySnapshot(ResourceType):
    """What snapshots and copies share once they exist."""

    title = "EBS Snapshot"
    outputs: ClassVar[tuple[str, ...]] = _OUTPUTS

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        del inputs
        cloud.wait_until(
            lambda: (_find(cloud, identifier) or {}).get("State") == "completed",
            doing=f"waiting for {self.title} ({identifier}) create",
            standard=_STANDARD_SECONDS,
        )

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        snapshot = _find(cloud, identifier)
        if snapshot is None:
            return None
        tags = tagging.told(tagging.from_list(snapshot.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": cloud.arn("ec2", f"snapshot/{identifier}"),
            "dataEncryptionKeyId": snapshot.get("DataEncryptionKeyId") or "",
            "description": snapshot.get("Description") or "",
            "encrypted": snapshot.get("Encrypted", False),
            "kmsKeyId": snapshot.get("KmsKeyId") or "",
            "outpostArn": "",
            "ownerAlias": snapshot.get("OwnerAlias") or "",
            "ownerId": snapshot.get("OwnerId") or "",
            "region": cloud.region,
            "storageTier": snapshot.get("StorageTier") or "standard",
            "volumeId": snapshot.get("VolumeId") or "",
            "volumeSize": snapshot.get("VolumeSize") or 0,
            **self.source(known),
            **tags,
        }

    def source(self, known: Known) -> Properties:
        """What the cloud does not tell of the source."""
        del known
        return {}

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        if "tagsAll" in changed or "tags" in changed:
            ec2_tags.apply(cloud, identifier, self.title, state.get("tagsAll"), inputs.get("tagsAll"))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        doing = f"deleting {self.title} ({identifier})"
        try:
            cloud.retry_while(
                frozenset({"InvalidSnapshot.InUse"}),
                lambda: cloud.call("ec2", "delete_snapshot", doing, SnapshotId=identifier),
                standard=_STANDARD_SECONDS,
            )
        except CloudError as error:
            if error.code != _GONE:
                raise


class Snapshot(_AnySnapshot):
    """`aws.ebs.Snapshot`."""

    token = "aws:ebs/snapshot:Snapshot"  # noqa: S105
    inputs = table(
        {
            "description": replaces(),
            "outpostArn": refused(Change.REPLACE),
            "region": REGION,
            "tags": TAGS,
            "tagsAll": TAGS,
            "volumeId": replaces(required=True),
            **_TIER,
        }
    )
    outputs = (*_OUTPUTS, "encrypted", "kmsKeyId")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "ec2",
            "create_snapshot",
            f"creating {self.title} ({inputs['volumeId']})",
            Description=inputs.get("description"),
            VolumeId=inputs["volumeId"],
            TagSpecifications=ec2_tags.specification("snapshot", inputs.get("tagsAll")),
        )
        return str(answer["SnapshotId"])


class SnapshotCopy(_AnySnapshot):
    """`aws.ebs.SnapshotCopy`."""

    token = "aws:ebs/snapshotCopy:SnapshotCopy"  # noqa: S105
    title = "EBS Snapshot Copy"
    inputs = table(
        {
            "completionDurationMinutes": refused(Change.REPLACE),
            "description": replaces(),
            "encrypted": replaces(Kind.BOOLEAN),
            "kmsKeyId": replaces(),
            "region": REGION,
            "sourceRegion": replaces(required=True),
            "sourceSnapshotId": replaces(required=True),
            "tags": TAGS,
            "tagsAll": TAGS,
            **_TIER,
        }
    )
    outputs = (*_OUTPUTS, "outpostArn", "volumeId")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "ec2",
            "copy_snapshot",
            f"creating {self.title}",
            Description=inputs.get("description"),
            Encrypted=inputs.get("encrypted"),
            KmsKeyId=inputs.get("kmsKeyId"),
            SourceRegion=inputs["sourceRegion"],
            SourceSnapshotId=inputs["sourceSnapshotId"],
            TagSpecifications=ec2_tags.specification("snapshot", inputs.get("tagsAll")),
        )
        return str(answer["SnapshotId"])

    def source(self, known: Known) -> Properties:
        return {name: known.carried(name) for name in ("sourceRegion", "sourceSnapshotId")}


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    try:
        found = cloud.call(
            "ec2", "describe_snapshots", f"reading EBS Snapshot ({identifier})", SnapshotIds=[identifier]
        )["Snapshots"]
    except CloudError as error:
        if error.code == _GONE:
            return None
        raise
    return dict(found[0]) if found else None
