"""What a GB of a machine's disk and of a volume costs, with each provider."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.job_file.spec import CloudName
from runctl_auto.stack.pod_prices import POD_DISK_GB_MONTH, network_volume_gb_month
from runctl_auto.stack.prices import HOURS_OF_A_MONTH, Rates

GP3, POD_DISK, NETWORK_VOLUME = "gp3", "of the pod", "network volume"


@dataclass(frozen=True)
class StoragePrice:
    """USD an hour of a GB of the ``kind``; None when unknown."""

    kind: str
    gb_hour: float | None


def disk_of(provider: CloudName, rates: Rates) -> StoragePrice:
    """Of a machine's own disk. ``rates`` are those of AWS."""
    if provider == "runpod":
        return StoragePrice(POD_DISK, POD_DISK_GB_MONTH / HOURS_OF_A_MONTH)
    return _gp3(rates)


def volume_of(provider: CloudName, rates: Rates, size_gb: float) -> StoragePrice:
    """Of a volume of ``size_gb``."""
    if provider == "runpod":
        return StoragePrice(NETWORK_VOLUME, network_volume_gb_month(size_gb) / HOURS_OF_A_MONTH)
    return _gp3(rates)


def _gp3(rates: Rates) -> StoragePrice:
    month = rates.volume_gb_month
    return StoragePrice(GP3, None if month is None else month / HOURS_OF_A_MONTH)
