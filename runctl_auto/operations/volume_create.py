"""``volume create`` and ``snapshot restore``: a volume with a stack of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runctl_auto.errors import UsageError
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.change import StorageCreation, StorageResult
from runctl_auto.jobs.storage.named import named_snapshot
from runctl_auto.jobs.storage.stack import StorageStack
from runctl_auto.stack.prices import Rates
from runctl_auto.stack.storage_config import VolumeConfig

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")


@dataclass(frozen=True, kw_only=True)
class NewVolume:
    """What is asked for. ``size_gb`` None: as the ``snapshot`` (a name, or ``snap-...``) has it. ``zone``
    None: the first of the region. ``initialization_rate``: MiB/s at which AWS loads the snapshot's blocks."""

    size_gb: int | None = None
    zone: str | None = None
    region: str | None = None
    snapshot: str | None = None
    initialization_rate: int | None = None
    iops: int | None = None
    throughput: int | None = None
    protect: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


def create_volume(session: Session, name: str, asked: NewVolume, *, yes: bool) -> StorageResult:
    """Makes the volume ``name``, after showing the plan and asking. Blocks.

    Completes an interrupted creation. Raises ``NameTakenError`` for a name that is taken, ``UsageError`` for
    what cannot be, ``ConfirmationNeededError`` when declined.
    """
    storage = StorageStack(session, "volume", name)
    return StorageCreation(storage, _wanted(session, name, asked), yes=yes).run()


def _wanted(session: Session, name: str, asked: NewVolume) -> VolumeConfig:
    where = {"volume": name}
    if asked.initialization_rate is not None and asked.snapshot is None:
        raise UsageError(
            "Only a volume that begins with a snapshot has blocks to load.",
            where=where,
            next_step="Leave --initialization-rate out, or name a --snapshot.",
        )
    snapshot = named_snapshot(session, asked.snapshot, _region(asked)) if asked.snapshot else None
    region = snapshot.region if snapshot is not None else _region(asked)
    provider = session.provider(region)
    size = asked.size_gb or (snapshot.size_gb if snapshot is not None else None)
    if size is None:
        raise UsageError(
            "A new volume needs a size.", where=where, next_step="Name one: --size 100GB, for example."
        )
    if snapshot is not None and size < snapshot.size_gb:
        raise UsageError(
            f"Snapshot {snapshot.id} needs {snapshot.size_gb} GB, and the volume is to have {size} GB.",
            where=where,
            next_step=f"Ask for --size {snapshot.size_gb}GB or more.",
        )
    zones = provider.zones()
    zone = asked.zone or zones[0]
    if zone not in zones:
        raise UsageError(
            f"There is no zone {zone} in {provider.region}, or the account may not use it.",
            where=where,
            next_step=f"Zones there: {', '.join(zones)}.",
        )
    account, known = provider.account(), session.prices.region(provider.region)
    return VolumeConfig(
        name=name,
        account=account.id,
        partition=account.partition,
        region=provider.region,
        zone=zone,
        owner=session.settings.owner,
        size_gb=size,
        snapshot=snapshot.id if snapshot is not None else None,
        initialization_rate=asked.initialization_rate,
        iops=asked.iops,
        throughput=asked.throughput,
        protect=asked.protect,
        tags=dict(asked.tags),
        rates=Rates() if known is None else known.rates,
    )


def _region(asked: NewVolume) -> str | None:
    """The region that is asked for, by itself or by its zone."""
    if asked.region is not None or asked.zone is None:
        return asked.region
    match = _REGION.match(asked.zone)
    return match[0] if match else None
