"""How fast a type of machine moves data, as its provider states it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MachineSpeed:
    """An instance type. Bytes a second are what it sustains, not what it reaches for some minutes.

    ``network`` and ``volumes`` (all attached volumes together) are None when unknown; ``store`` is the size
    of its own disks in bytes, 0 without any.
    """

    instance_type: str
    cpus: int
    memory: int
    network: float | None = None
    volumes: float | None = None
    volumes_iops: float | None = None
    store: int = 0
