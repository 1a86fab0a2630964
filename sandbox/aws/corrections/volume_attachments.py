"""moto attaches a volume that is in use, in any state and any zone; EC2 does not.

Also: DescribeVolumes is paginated as requested.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from sandbox.aws.cloud.lifecycle import RUNNING, STOPPED, Lifecycle
from sandbox.aws.corrections.patches import Emulation, Patches

_MOST_RESULTS = 500


def apply(patches: Patches, emulation: Emulation) -> None:
    def make(attach: Any) -> Any:
        def checked(
            self: Any, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False
        ) -> Any:
            volume, instance = self.get_volume(volume_id), self.get_instance(instance_id)
            _check_state(emulation.lifecycle, instance_id)
            _check_fit(volume, instance, device_path)
            return attach(self, volume_id, instance_id, device_path, delete_on_termination)

        return checked

    patches.wrap(EBSBackend, "attach_volume", make)
    patches.replace(ElasticBlockStore, "describe_volumes", _describe_volumes)


def _check_state(lifecycle: Lifecycle, instance_id: str) -> None:
    """An instance that the lifecycle does not know yet is being launched, with its own volumes."""
    life = lifecycle.find(instance_id)
    if life is not None and life.state not in (RUNNING, STOPPED):
        raise EC2ClientError("IncorrectState", f"Instance '{instance_id}' is not 'running'.")


def _check_fit(volume: Any, instance: Any, device: str) -> None:
    if volume.attachment is not None:
        raise EC2ClientError("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.availability_zone != instance.availability_zone:
        raise EC2ClientError(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
        )
    if device in instance.block_device_mapping:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
        )


def _describe_volumes(response: Any) -> Any:
    volumes = response.ec2_backend.describe_volumes(
        volume_ids=response._get_param("VolumeIds", []), filters=response._filters_from_querystring()
    )
    start = int(response._get_param("NextToken") or 0)
    size = min(response._get_int_param("MaxResults") or _MOST_RESULTS, _MOST_RESULTS)
    token = str(start + size) if start + size < len(volumes) else None
    return ActionResult({"Volumes": volumes[start : start + size], "NextToken": token})
