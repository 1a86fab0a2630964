"""What volumes and snapshots with stacks of their own cost.

A snapshot counts with the size of its volume, which is the most: AWS bills the blocks that differ from those
of earlier snapshots, and does not tell how many.
"""

from __future__ import annotations

from datetime import datetime

from runctl_auto.cost.amount import Amount
from runctl_auto.cost.charges import GB_STORED, Charge
from runctl_auto.cost.estimate import Estimate, Part
from runctl_auto.stack.prices import HOURS_OF_A_MONTH
from runctl_auto.stack.state import ResourceState
from runctl_auto.stack.storage_config import StorageConfig, VolumeConfig

SNAPSHOT_STORED = "snapshot"


def storage_estimate(config: StorageConfig) -> Estimate:
    """What it costs until it is removed."""
    source = config.rates.source
    return Estimate(parts=(_part(config),), hours=None, nodes=0, sources=(source,) if source else ())


def storage_month(config: StorageConfig) -> Amount:
    """USD a month of 730 hours."""
    return _part(config).month


def storage_charge(config: StorageConfig, stored: ResourceState, now: datetime) -> Charge:
    """What ``stored`` has cost until ``now``, and still does."""
    return Charge(
        kind=config.kind,
        resource=stored.id,
        what=GB_STORED if config.kind == "volume" else SNAPSHOT_STORED,
        run=None,
        began=stored.created or now,
        ended=now,
        quantity=config.size_gb,
        price_hour=_hour(config),
        goes_on=True,
        is_exact=stored.created is not None,
    )


def _part(config: StorageConfig) -> Part:
    is_volume = isinstance(config, VolumeConfig)
    return Part(
        name=f"volume {config.name}, gp3" if is_volume else f"snapshot {config.name}, at most",
        kind=config.kind,
        quantity=config.size_gb,
        unit="GB",
        price=_hour(config),
        lasts="kept",
    )


def _hour(config: StorageConfig) -> float | None:
    """USD an hour and GB."""
    rates = config.rates
    month = rates.volume_gb_month if config.kind == "volume" else rates.snapshot_gb_month
    return None if month is None else month / HOURS_OF_A_MONTH
