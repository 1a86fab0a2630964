"""``snapshot create`` and ``snapshot copy``: a snapshot with a stack of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from runctl_auto.errors import RunctlError, UsageError
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.change import StorageCreation, StorageResult
from runctl_auto.jobs.storage.named import named_snapshot, named_volume
from runctl_auto.jobs.storage.stack import StorageStack
from runctl_auto.stack.prices import Rates
from runctl_auto.stack.storage_config import SnapshotConfig, StorageConfig


def create_snapshot(
    session: Session,
    name: str,
    volume: str,
    *,
    region: str | None = None,
    protect: bool = False,
    tags: Mapping[str, str] | None = None,
    yes: bool,
) -> StorageResult:
    """Takes the snapshot ``name`` of ``volume``: a name, ``JOB/VOLUME`` or an id in ``region``.

    Shows the plan, asks, and blocks until the snapshot is complete. Completes an interrupted creation. Raises
    as ``create_volume``.
    """
    storage = StorageStack(session, "snapshot", name)
    source = named_volume(session, volume, region)
    wanted = _wanted(session, name, source.region, source.size_gb, protect=protect, tags=tags)
    wanted = replace(wanted, volume=source.id, origin=f"volume {source.called}")
    return SnapshotCreation(storage, wanted, yes=yes).run()


def copy_snapshot(
    session: Session,
    source: str,
    name: str | None,
    *,
    region: str,
    source_region: str | None = None,
    protect: bool = False,
    tags: Mapping[str, str] | None = None,
    yes: bool,
) -> StorageResult:
    """Copies the snapshot ``source``, a name or an id in ``source_region``, to ``region``, encrypted.

    ``name`` None: that of the source and the region. Otherwise as ``create_snapshot``.
    """
    found = named_snapshot(session, source, source_region)
    storage = StorageStack(session, "snapshot", name or f"{found.called}-{region}")
    wanted = _wanted(session, storage.called, region, found.size_gb, protect=protect, tags=tags)
    wanted = replace(
        wanted,
        source=found.id,
        source_region=found.region,
        origin=f"snapshot {found.called} of {found.region}",
    )
    return SnapshotCreation(storage, wanted, yes=yes).run()


class SnapshotCreation(StorageCreation):
    """Makes a snapshot, and says what it will and will not hold."""

    def notes(self, decision: StorageConfig) -> Sequence[str]:
        assert isinstance(decision, SnapshotConfig)  # noqa: S101 - made above
        what = (
            f"of {decision.origin}; the cost is at most this: AWS bills what differs from earlier snapshots"
        )
        if decision.volume is None:
            return (what,)
        return (what, *self._notes_on_use(decision.volume, decision.region))

    def _notes_on_use(self, volume: str, region: str) -> tuple[str, ...]:
        try:
            found = self.session.provider(region).storage.volumes([volume]).get(volume)
        except RunctlError:
            return ()
        if found is None or not found.machines:
            return ()
        return (
            f"the volume is attached to {', '.join(found.machines)}: it holds what is written by now, "
            "as after a power failure",
        )


def _wanted(
    session: Session,
    name: str,
    region: str,
    size_gb: int,
    *,
    protect: bool,
    tags: Mapping[str, str] | None,
) -> SnapshotConfig:
    if not size_gb:
        raise UsageError("The size of the source is not known.", where={"snapshot": name})
    provider = session.provider(region)
    account, known = provider.account(), session.prices.region(region)
    return SnapshotConfig(
        name=name,
        account=account.id,
        partition=account.partition,
        region=region,
        owner=session.settings.owner,
        size_gb=size_gb,
        protect=protect,
        tags=dict(tags or {}),
        rates=Rates() if known is None else known.rates,
    )
