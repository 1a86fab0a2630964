"""Volumes attached to instances."""

from __future__ import annotations

import zlib
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, Change, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types.instance_facts import describe

_ATTACH_SECONDS = 300.0
_GONE = frozenset({"InvalidVolume.NotFound", "InvalidInstanceID.NotFound", "InvalidAttachment.NotFound"})
_IMPORT_PARTS = 3


class VolumeAttachment(ResourceType):
    """`aws.ec2.VolumeAttachment`. Import id: DEVICE:VOLUME:INSTANCE."""

    token = "aws:ec2/volumeAttachment:VolumeAttachment"  # noqa: S105
    title = "EBS Volume Attachment"
    inputs = table(
        {
            "deviceName": replaces(required=True),
            "forceDetach": updates(Kind.BOOLEAN, told=False),
            "instanceId": replaces(required=True),
            "region": REGION,
            "skipDestroy": updates(Kind.BOOLEAN, told=False),
            "stopInstanceBeforeDetaching": refused(Change.UPDATE, "end the instance, or use skipDestroy"),
            "volumeId": replaces(required=True),
        }
    )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        device, volume, instance = inputs["deviceName"], inputs["volumeId"], inputs["instanceId"]
        doing = f"attaching EBS Volume ({volume}) to EC2 Instance ({instance})"
        if _find(cloud, device, volume, instance) is None:
            self._wait_for_instance(cloud, instance, doing)
            cloud.call("ec2", "attach_volume", doing, Device=device, InstanceId=instance, VolumeId=volume)
        return attachment_id(device, volume, instance)

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        device, volume, instance = inputs["deviceName"], inputs["volumeId"], inputs["instanceId"]
        cloud.wait_until(
            lambda: (_find(cloud, device, volume, instance) or {}).get("State") == "attached",
            doing=f"waiting for {self.title} ({identifier}) create",
            standard=_ATTACH_SECONDS,
        )

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        device, volume, instance = _parts(identifier, known)
        if _find(cloud, device, volume, instance) is None:
            return None
        return {
            "deviceName": device,
            "forceDetach": known.carried("forceDetach"),
            "instanceId": instance,
            "region": cloud.region,
            "skipDestroy": known.carried("skipDestroy"),
            "volumeId": volume,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        """No call: the updatable inputs only affect the later detachment."""

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        if state.get("skipDestroy"):
            return
        device, volume, instance = state["deviceName"], state["volumeId"], state["instanceId"]
        try:
            cloud.call(
                "ec2",
                "detach_volume",
                f"detaching EBS Volume ({volume}) from EC2 Instance ({instance})",
                Device=device,
                InstanceId=instance,
                VolumeId=volume,
                Force=state.get("forceDetach"),
            )
        except CloudError as error:
            if error.code not in _GONE and _find(cloud, device, volume, instance) is not None:
                raise
        cloud.wait_until(
            lambda: _find(cloud, device, volume, instance) is None,
            doing=f"waiting for {self.title} ({identifier}) delete",
            standard=_ATTACH_SECONDS,
        )

    @staticmethod
    def _wait_for_instance(cloud: Cloud, instance: str, doing: str) -> None:
        def is_ready() -> bool:
            found = describe(cloud, instance)
            state = found["State"]["Name"] if found else "terminated"
            if state in ("shutting-down", "terminated"):
                raise CloudError(
                    doing, "IncorrectState", f"unexpected state '{state}', wanted target 'running, stopped'"
                )
            return state in ("running", "stopped")

        cloud.wait_until(is_ready, doing=doing, standard=_ATTACH_SECONDS)


def attachment_id(device: str, volume: str, instance: str) -> str:
    """The id of an attachment, derived from its three parts."""
    return f"vai-{zlib.crc32(f'{device}-{instance}-{volume}-'.encode())}"


def _parts(identifier: str, known: Known) -> tuple[str, str, str]:
    if known.carried("volumeId"):
        return known.carried("deviceName"), known.carried("volumeId"), known.carried("instanceId")
    parts = identifier.split(":")
    if len(parts) != _IMPORT_PARTS:
        raise RefusedError(
            f"unexpected format of ID ({identifier}), expected DEVICE_NAME:VOLUME_ID:INSTANCE_ID"
        )
    return parts[0], parts[1], parts[2]


def _find(cloud: Cloud, device: str, volume: str, instance: str) -> dict[str, Any] | None:
    try:
        volumes = cloud.call("ec2", "describe_volumes", f"reading EBS Volume ({volume})", VolumeIds=[volume])[
            "Volumes"
        ]
    except CloudError as error:
        if error.code in _GONE:
            return None
        raise
    attachments = volumes[0].get("Attachments", ()) if volumes else ()
    for attachment in attachments:
        if attachment["InstanceId"] == instance and attachment["Device"] == device:
            return dict(attachment) if attachment["State"] != "detached" else None
    return None
