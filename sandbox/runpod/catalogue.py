"""What the stand-in rents out: a few GPU types, CPU flavours and data centres, at prices of its own.

Identifiers are RunPod's; prices are round figures that no bill will have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DATA_CENTRES: Sequence[Mapping[str, Any]] = (
    {
        "id": "US-KS-2",
        "name": "US Kansas 2",
        "region": "NORTH_AMERICA",
        "globalNetwork": True,
        "networkVolumeTypes": ["STANDARD", "HIGH_PERFORMANCE"],
        "compliance": [],
    },
    {
        "id": "EU-RO-1",
        "name": "Romania 1",
        "region": "EUROPE",
        "globalNetwork": True,
        "networkVolumeTypes": ["STANDARD"],
        "compliance": [],
    },
)


def _gpu(identity: str, name: str, memory: int, secure: float, community: float) -> dict[str, Any]:
    return {
        "id": identity,
        "name": name,
        "pool": None,
        "manufacturer": "NVIDIA",
        "memory": memory,
        "secure": True,
        "community": community > 0,
        "price": {"secure": secure, "community": community},
        "maxCount": {"secure": 8, "community": 4 if community else 0},
    }


GPUS: Sequence[Mapping[str, Any]] = (
    _gpu("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.5, 0.25),
    _gpu("NVIDIA A40", "A40", 48, 0.75, 0.5),
    _gpu("NVIDIA H100 80GB HBM3", "H100 SXM", 80, 3.0, 0.0),
)
CPUS: Sequence[Mapping[str, Any]] = (
    {
        "id": "cpu3c",
        "name": "Compute-Optimized",
        "group": "3rd generation",
        "vcpu": {"min": 2, "max": 32},
        "ramGbPerVcpu": 2.0,
        "price": {"securePerVcpu": 0.05, "serverlessPerVcpu": 0.1},
    },
)


def with_availability(each: Mapping[str, Any], level: str, cloud: str = "SECURE") -> dict[str, Any]:
    """A type with its availability; the community cloud is in no data centre."""
    if cloud == "COMMUNITY":
        return {**each, "availability": level if each.get("community") else "NONE", "dataCenters": []}
    places = [{"id": dc["id"], "name": dc["name"], "availability": level} for dc in DATA_CENTRES]
    return {**each, "availability": level, "dataCenters": places}


def price_hour(pod: Mapping[str, Any]) -> float:
    """USD an hour of a pod that runs."""
    if "gpu" in pod:
        gpu = next(each for each in GPUS if each["id"] == pod["gpu"]["id"])
        return float(gpu["price"][str(pod["cloud"]).lower()]) * int(pod["gpu"]["count"])
    cpu = next(each for each in CPUS if each["id"] == pod["cpu"]["id"])
    return float(cpu["price"]["securePerVcpu"]) * int(pod["cpu"]["vcpuCount"])
