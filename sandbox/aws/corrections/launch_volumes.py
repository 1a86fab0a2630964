"""moto's root volume is always 8 GB at /dev/sda1, and launch volumes lose settings.

Here the root volume follows the image (device, minimum size) and exists even when only other devices are
named; every launch volume is deleted with its instance by default, and keeps iops and throughput.
"""

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.corrections.launch_request import launch_parameters
from sandbox.aws.corrections.patches import Emulation, Patches
from sandbox.aws.corrections.public_images import root_gigabytes

_ROOT_TYPE = "gp3"


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(run_instances: Any) -> Any:
        def launch(
            self: Any, image_id: str, count: int, user_data: Any, groups: list[str], **kwargs: Any
        ) -> Any:
            asked = launch_parameters().get("BlockDeviceMappings") or []
            mappings = _mappings(self.amis[image_id], asked)
            kwargs["block_device_mappings"] = mappings
            reservation = run_instances(self, image_id, count, user_data, groups, **kwargs)
            for instance in reservation.instances:
                _set_performance(self, instance, {m["DeviceName"]: m["Ebs"] for m in mappings})
            return reservation

        return launch

    patches.wrap(InstanceBackend, "run_instances", make)
    patches.replace(InstanceResponse, "_validate_block_device_mapping", staticmethod(_validate))


def _validate(mapping: dict[str, Any]) -> None:
    """A size may be missing where the image's snapshot has one; `_mapping` handles that."""
    if not mapping.get("DeviceName"):
        raise EC2ClientError("MissingParameter", "The request must contain the parameter deviceName")


def _mappings(image: Any, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = {mapping["DeviceName"]: mapping for mapping in asked if "NoDevice" not in mapping}
    root = wanted.pop(image.root_device_name, {"DeviceName": image.root_device_name})
    return [_root(image, root), *(_data(mapping) for mapping in wanted.values())]


def _root(image: Any, asked: dict[str, Any]) -> dict[str, Any]:
    least = root_gigabytes(image)
    given = asked.get("Ebs") or {}
    size = int(given.get("VolumeSize") or least)
    if size < least:
        raise EC2ClientError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot '{image.ebs_snapshot.id}', "
            f"expect size>= {least}GB",
        )
    ebs = {"VolumeType": _ROOT_TYPE, **given, "VolumeSize": size, "SnapshotId": image.ebs_snapshot.id}
    return {"DeviceName": image.root_device_name, "Ebs": _with_defaults(ebs)}


def _data(asked: dict[str, Any]) -> dict[str, Any]:
    ebs = asked.get("Ebs") or {}
    if not ebs.get("VolumeSize") and not ebs.get("SnapshotId"):
        raise EC2ClientError("MissingParameter", "The request must contain the parameter size or snapshotId")
    return {"DeviceName": asked["DeviceName"], "Ebs": _with_defaults(ebs)}


def _with_defaults(ebs: dict[str, Any]) -> dict[str, Any]:
    return {
        **ebs,
        "DeleteOnTermination": _truth(ebs.get("DeleteOnTermination", True)),
        "Encrypted": _truth(ebs.get("Encrypted", False)),
    }


def _truth(value: Any) -> bool:
    return str(value).lower() == "true"


def _set_performance(backend: Any, instance: Any, wanted: dict[str, dict[str, Any]]) -> None:
    for device, attached in instance.get_block_device_mapping:
        volume = backend.volumes[attached.volume_id]
        ebs = wanted.get(device, {})
        if ebs.get("Iops"):
            volume.iops = int(ebs["Iops"])
        if ebs.get("Throughput"):
            volume.throughput = int(ebs["Throughput"])
