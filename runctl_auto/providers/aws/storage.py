"""EBS volumes and snapshots as they are now. Implements ``providers.storage.Storage``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.storage import Modification, StoredSnapshot, StoredVolume
from runctl_auto.stack.kinds import StorageKind

_GONE = ("deleting", "deleted")
_UNDER_WAY = ("modifying", "optimizing")
_DETACHED_CODES = ("IncorrectState", "InvalidAttachment.NotFound")
_DETACH_LOOKS = 60
_PAUSE_SECONDS = 2.0


class EbsStorage:
    """Volumes and snapshots of one region."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def volumes(self, identities: Sequence[str]) -> Mapping[str, StoredVolume]:
        if not identities:
            return {}
        # By filter: an id that is gone is then omitted from the response instead of an error.
        wanted = [{"Name": "volume-id", "Values": sorted(identities)}]
        found = self._cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted)
        return {each["VolumeId"]: _volume(each) for each in found if each["State"] not in _GONE}

    def snapshot(self, identity: str) -> StoredSnapshot | None:
        try:
            answer = self._cloud.call("ec2", "describe_snapshots", SnapshotIds=[identity])
        except NotFoundError:
            return None
        found = answer.get("Snapshots") or []
        if not found:
            return None
        return StoredSnapshot(
            id=str(found[0]["SnapshotId"]),
            size_gb=int(found[0].get("VolumeSize") or 0),
            state=str(found[0].get("State") or "completed"),
        )

    def called(self, kind: StorageKind, label: str) -> tuple[str, ...]:
        wanted: list[dict[str, object]] = [{"Name": "tag:Name", "Values": [label]}]
        if kind == "volume":
            volumes = self._cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted)
            return tuple(str(each["VolumeId"]) for each in volumes if each["State"] not in _GONE)
        found = self._cloud.pages("ec2", "describe_snapshots", "Snapshots", Filters=wanted, OwnerIds=["self"])
        return tuple(str(each["SnapshotId"]) for each in found)

    def modification(self, volume: str) -> Modification | None:
        wanted = [{"Name": "volume-id", "Values": [volume]}]
        found = list(
            self._cloud.pages("ec2", "describe_volumes_modifications", "VolumesModifications", Filters=wanted)
        )
        if not found:
            return None
        last = max(found, key=lambda each: str(each.get("StartTime")))
        state = str(last.get("ModificationState") or "")
        return Modification(state=state, is_under_way=state in _UNDER_WAY, began_at=last.get("StartTime"))

    def detach(self, volume: str, machine: str) -> None:
        try:
            self._cloud.call("ec2", "detach_volume", VolumeId=volume, InstanceId=machine)
        except CloudError as error:
            if error.code not in _DETACHED_CODES and not isinstance(error, NotFoundError):
                raise
        for _ in range(_DETACH_LOOKS):
            found = self.volumes([volume]).get(volume)
            if found is None or machine not in found.machines:
                return
            self._cloud.pause(_PAUSE_SECONDS)
        raise CloudError(
            f"Volume {volume} is still being detached from {machine} after "
            f"{_DETACH_LOOKS * _PAUSE_SECONDS:.0f} s: the machine may have it mounted.",
            where={"resource": volume, "region": self._cloud.region},
            next_step="Unmount it there, or end the machine.",
        )


def _volume(described: Mapping[str, Any]) -> StoredVolume:
    attachments = described.get("Attachments") or ()
    return StoredVolume(
        id=str(described["VolumeId"]),
        zone=str(described["AvailabilityZone"]),
        size_gb=int(described.get("Size") or 0),
        state=str(described["State"]),
        snapshot=described.get("SnapshotId") or None,
        machines=tuple(
            str(each.get("InstanceId", "")) for each in attachments if each.get("State") != "detached"
        ),
        tags=read_tags(described.get("Tags")),
    )
