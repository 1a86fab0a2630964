"""moto has no DescribeVolumeStatus and drops the rate at which the blocks of a snapshot are loaded.

Blocks are copied at once here. A volume with a rate says that all are loaded; one without a rate says for
ever that none is: reading loads them.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(create_volume: Any) -> Any:
        def create(self: Any) -> Any:
            made = create_volume(self)
            rate = self._get_param("VolumeInitializationRate")
            if rate:
                made.result.volume_initialization_rate = int(rate)
            return made

        return create

    patches.wrap(ElasticBlockStore, "create_volume", make)
    patches.replace(ElasticBlockStore, "describe_volume_status", _describe_volume_status)


def _describe_volume_status(response: Any) -> Any:
    wanted = response._get_param("VolumeIds", [])
    backend = response.ec2_backend
    volumes = [backend.get_volume(each) for each in wanted] if wanted else backend.describe_volumes()
    return ActionResult({"VolumeStatuses": [_status(each) for each in volumes]})


def _status(volume: Any) -> dict[str, Any]:
    rate = getattr(volume, "volume_initialization_rate", None)
    told: dict[str, Any] = {
        "AvailabilityZone": volume.availability_zone,
        "VolumeId": volume.id,
        "VolumeStatus": {"Status": "ok", "Details": []},
    }
    if volume.snapshot_id and rate:
        details = {"InitializationType": "provisioned-rate", "Progress": 100}
        return {**told, "InitializationStatusDetails": {**details, "EstimatedTimeToCompleteInSeconds": 0}}
    if volume.snapshot_id:
        return {**told, "InitializationStatusDetails": {"InitializationType": "default", "Progress": 0}}
    return told
