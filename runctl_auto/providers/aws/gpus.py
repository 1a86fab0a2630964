"""GPUs of an instance type as EC2 describes them, and whether the image of ``image: auto`` has their driver.

Sources: DescribeInstanceTypes reports a share of a GPU (g6f, gr6f) with a ``Count`` of 0, a
``LogicalGpuCount`` and a ``GpuPartitionSize``. The release notes of the Deep Learning AMIs list the instance
types that each image supports: those with the open NVIDIA driver support G4dn and newer; those with the
proprietary driver, for P3 and G3, exist for Amazon Linux 2 only, whose Python is too old for the agent.
Shares need NVIDIA's GRID driver, which neither has (aws-parallelcluster excludes them for this reason).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_NVIDIA = "NVIDIA"
_MIB = 1024
_BEFORE_TURING = frozenset({"K520", "K80", "M60", "V100"})
"""Models of EC2 that the open NVIDIA driver does not support: Volta and older."""


@dataclass(frozen=True)
class Gpus:
    """``count`` GPUs of one ``model`` with ``memory_gb`` of usable memory each. ``share``: of each, the part
    that the machine has, at most 1.
    """

    count: int = 0
    model: str | None = None
    maker: str | None = None
    share: float = 1.0
    memory_gb: float = 0.0

    @property
    def are_nvidia(self) -> bool:
        return (self.maker or "").upper() == _NVIDIA

    @property
    def are_whole(self) -> bool:
        return self.share >= 1

    @property
    def total(self) -> float:
        """How many whole GPUs they amount to."""
        return self.count * self.share

    def __str__(self) -> str:
        model = self.model or "GPU"
        if self.are_whole:
            return f"{model}:{self.count}"
        return f"{model}:{Fraction(self.total).limit_denominator(64)}"


def read_gpus(described: Mapping[str, Any]) -> Gpus:
    """The GPUs of a type in an answer of DescribeInstanceTypes; a type has one model."""
    devices: Sequence[Mapping[str, Any]] = described.get("GpuInfo", {}).get("Gpus") or ()
    if not devices:
        return Gpus()
    first = devices[0]
    return Gpus(
        count=sum(_count(each) for each in devices),
        model=first.get("Name"),
        maker=first.get("Manufacturer"),
        share=float(first.get("GpuPartitionSize") or 1),
        memory_gb=first.get("MemoryInfo", {}).get("SizeInMiB", 0) / _MIB,
    )


def _count(device: Mapping[str, Any]) -> int:
    """``Count`` counts whole GPUs only; a device that is listed exists."""
    return int(device.get("LogicalGpuCount") or device.get("Count") or 1)


def missing_driver(gpus: Gpus) -> str | None:
    """Which driver NVIDIA GPUs need that the image of ``image: auto`` lacks; None when it has theirs."""
    if not gpus.are_nvidia:
        return None
    if not gpus.are_whole:
        return "NVIDIA's GRID driver"
    return "NVIDIA's proprietary driver" if _bare(gpus.model) in _BEFORE_TURING else None


def _bare(model: str | None) -> str:
    """The model without the product line, which some answers put first (``Tesla V100``, ``GRID K520``)."""
    return (model or "").upper().split(" ")[-1]
