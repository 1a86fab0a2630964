"""moto knows neither the rate at which a volume is filled from its snapshot, nor DescribeVolumeStatus."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from sandbox.aws.corrections.patches import Emulation, Patches

_MIB_OF_A_GIB = 1024
_DEFAULT_RATE = 100
"""MiB a second without a rate; EBS promises nothing."""


def apply(patches: Patches, emulation: Emulation) -> None:
    def make(create_volume: Any) -> Any:
        def create(self: Any) -> ActionResult:
            answer = create_volume(self)
            rate = self._get_param("VolumeInitializationRate")
            answer.result.volume_initialization_rate = int(rate) if rate else None
            answer.result.begun_at = emulation.clock()
            return answer

        return create

    def describe_volume_status(self: Any) -> ActionResult:
        found = self.ec2_backend.describe_volumes(
            volume_ids=self._get_param("VolumeIds", []), filters=self._filters_from_querystring()
        )
        return ActionResult({"VolumeStatuses": [_status(each, emulation.clock()) for each in found]})

    patches.wrap(ElasticBlockStore, "create_volume", make)
    patches.replace(ElasticBlockStore, "describe_volume_status", describe_volume_status)


def _status(volume: Any, now: float) -> dict[str, Any]:
    status = {"VolumeId": volume.id, "VolumeStatus": {"Status": "ok", "Details": []}}
    if not volume.snapshot_id:
        return status
    rate = getattr(volume, "volume_initialization_rate", None)
    whole = int(volume.size) * _MIB_OF_A_GIB / (rate or _DEFAULT_RATE)
    passed = min(whole, max(0.0, now - getattr(volume, "begun_at", 0.0)))
    details: dict[str, Any] = {
        "InitializationType": "provisioned-rate" if rate else "default",
        "Progress": int(100 * passed / whole),
    }
    if rate:
        details["EstimatedTimeToCompleteInSeconds"] = round(whole - passed)
    return {**status, "InitializationStatusDetails": details}
