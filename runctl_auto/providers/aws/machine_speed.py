"""How fast an instance type moves data, as DescribeInstanceTypes states it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runctl_auto.errors import CloudError, JobFileError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.machine_speed import MachineSpeed

_BITS = 8
_UNKNOWN_TYPE = ("InvalidInstanceType", "InvalidParameterValue")


def machine_speed(cloud: Cloud, instance_type: str) -> MachineSpeed:
    """The sustained rates of a type; those that AWS does not state are None."""
    try:
        answer = cloud.call("ec2", "describe_instance_types", InstanceTypes=[instance_type])
    except CloudError as error:
        if error.code not in _UNKNOWN_TYPE:
            raise
        raise JobFileError(
            f"The instance type {instance_type} does not exist in {cloud.region}.",
            where={"field": "resources.instance_types"},
            next_step="Correct the type, or choose another region.",
        ) from error
    return _speed(answer["InstanceTypes"][0])


def _speed(told: Mapping[str, Any]) -> MachineSpeed:
    volumes = told.get("EbsInfo", {}).get("EbsOptimizedInfo", {})
    megabytes = volumes.get("BaselineThroughputInMBps")
    return MachineSpeed(
        instance_type=str(told["InstanceType"]),
        cpus=int(told.get("VCpuInfo", {}).get("DefaultVCpus") or 1),
        memory=int(told.get("MemoryInfo", {}).get("SizeInMiB") or 0) * 1024**2,
        network=_network(told.get("NetworkInfo", {})),
        volumes=float(megabytes) * 1e6 if megabytes else None,
        volumes_iops=volumes.get("BaselineIops") or None,
        store=int(told.get("InstanceStorageInfo", {}).get("TotalSizeInGB") or 0) * 10**9,
    )


def _network(told: Mapping[str, Any]) -> float | None:
    """Bytes a second of all network cards together."""
    gigabits = [each.get("BaselineBandwidthInGbps") for each in told.get("NetworkCards") or ()]
    if not gigabits or not all(gigabits):
        return None
    return sum(map(float, gigabits)) * 1e9 / _BITS
