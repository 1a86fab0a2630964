"""How far volumes are filled from their snapshots (InitializationStatusDetails)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.volume_filling import VolumeFilling


def volume_fillings(cloud: Cloud, volumes: Sequence[str]) -> Mapping[str, VolumeFilling]:
    """Those of ``volumes`` that exist and were made from a snapshot, by id."""
    if not volumes:
        return {}
    wanted = [{"Name": "volume-id", "Values": sorted(volumes)}]
    found = {}
    for each in cloud.pages("ec2", "describe_volume_status", "VolumeStatuses", Filters=wanted):
        told = each.get("InitializationStatusDetails")
        if told:
            found[each["VolumeId"]] = VolumeFilling(
                volume=each["VolumeId"],
                has_rate=told.get("InitializationType") == "provisioned-rate",
                percent=told.get("Progress"),
                seconds=told.get("EstimatedTimeToCompleteInSeconds"),
            )
    return found
