"""What RunPod takes for storage, which its API does not tell.

From RunPod's pages on pods' prices and on billing, as published in August 2026: a container's disk is billed
while its pod exists, a network volume for as long as it exists.
"""

from __future__ import annotations

POD_DISK_GB_MONTH = 0.10
"""USD per GB and month of a pod's own disk, while the pod runs."""
_VOLUME_GB_MONTH, _LARGE_ABOVE_GB, _LARGE_GB_MONTH = 0.07, 1000, 0.05
"""USD per GB and month of a network volume, up to 1 TB and above it."""


def network_volume_gb_month(size_gb: float) -> float:
    """USD per GB and month of a network volume of this size, on average over its GB."""
    if size_gb <= _LARGE_ABOVE_GB:
        return _VOLUME_GB_MONTH
    large = (size_gb - _LARGE_ABOVE_GB) * _LARGE_GB_MONTH
    return (_LARGE_ABOVE_GB * _VOLUME_GB_MONTH + large) / size_gb
