"""All volumes and snapshots with stacks of their own, and what is known of each. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runctl_auto.cost.amount import Amount, amount
from runctl_auto.cost.storage import storage_month
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.stack import stored
from runctl_auto.providers.storage import StoredVolume
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.kinds import STORAGE_KINDS, StorageKind, kind_of, name_in, of_kinds
from runctl_auto.stack.state import ResourceState, StackState
from runctl_auto.stack.storage_config import SnapshotConfig, StorageConfig, VolumeConfig, storage_config


@dataclass(frozen=True)
class ListedStorage:
    """One volume or snapshot. ``used_by`` are the jobs whose files name the volume; ``now`` is the volume in
    the cloud, None when that was not asked. ``problem`` says why something is not known, or is not complete.
    """

    stack: str
    config: StorageConfig | None = None
    resource: ResourceState | None = None
    used_by: tuple[str, ...] = ()
    now: StoredVolume | None = None
    problem: str | None = None

    @property
    def name(self) -> str:
        return name_in(self.stack)

    @property
    def kind(self) -> StorageKind:
        return "volume" if kind_of(self.stack) == "volume" else "snapshot"

    @property
    def id(self) -> str | None:
        return self.resource.id if self.resource is not None else None

    @property
    def is_protected(self) -> bool:
        return self.resource is not None and self.resource.protect

    @property
    def month(self) -> Amount:
        """USD a month; nothing before it is made."""
        if self.config is None:
            return Amount(complete=False)
        return storage_month(self.config) if self.resource is not None else amount(0.0)

    def as_json(self) -> dict[str, Any]:
        config = self.config
        month = self.month
        return {
            "name": self.name,
            "kind": self.kind,
            "id": self.id,
            "owner": config.owner if config else None,
            "region": config.region if config else None,
            "zone": config.zone if isinstance(config, VolumeConfig) else None,
            "size_gb": config.size_gb if config else None,
            "origin": _origin(config),
            "protected": self.is_protected,
            "tags": dict(config.tags) if config else {},
            "used_by": list(self.used_by),
            "attached_to": list(self.now.machines) if self.now is not None else None,
            "created_at": self._created_at(),
            "usd_month": month.usd if month.complete else None,
            "problem": self.problem,
        }

    def _created_at(self) -> str | None:
        created = self.resource.created if self.resource is not None else None
        return None if created is None else created.isoformat().replace("+00:00", "Z")


def list_storage(
    session: Session, kinds: Sequence[StorageKind] = STORAGE_KINDS, *, ask_cloud: bool = False
) -> tuple[ListedStorage, ...]:
    """Those of ``kinds`` in the backend by name. With ``ask_cloud`` also what volumes are attached to: a
    request a region. Blocks."""
    with session.reporter.working("reading the volumes and snapshots", after=PATIENCE_SECONDS):
        stacks = of_kinds(session.driver.stack_names(), kinds)
        if not stacks:
            return ()
        states = session.driver.states(stacks)
        users = _users(session) if "volume" in kinds else {}
        listed = [_listed(session, each, states[each], users) for each in stacks]
        return tuple(_with_cloud(session, listed) if ask_cloud else listed)


def jobs_that_use(session: Session, volume: str) -> tuple[str, ...]:
    """The jobs whose configuration names the volume with this id."""
    return _users(session).get(volume, ())


def _listed(
    session: Session, stack: str, state: StackState | RunctlError, users: Mapping[str, tuple[str, ...]]
) -> ListedStorage:
    kind: StorageKind = "volume" if kind_of(stack) == "volume" else "snapshot"
    try:
        config = storage_config(session.driver.config_of(stack))
    except RunctlError as error:
        return ListedStorage(stack, problem=error.what)
    if isinstance(state, RunctlError):
        return ListedStorage(stack, config, problem=state.what)
    found = stored(state, kind)
    if config is None:
        return ListedStorage(stack, problem=f"never set up: `runctl {kind} rm {name_in(stack)}` removes it")
    if found is None:
        return ListedStorage(
            stack,
            config,
            problem=f"its creation was not completed: repeat it, or `runctl {kind} rm {name_in(stack)}`",
        )
    return ListedStorage(stack, config, found, users.get(found.id, ()))


def _users(session: Session) -> dict[str, tuple[str, ...]]:
    """By the id of a volume, the jobs that use it and have not made it."""
    users: dict[str, tuple[str, ...]] = {}
    for each in session.driver.jobs():
        config = _job_config(session, each.name)
        for volume in config.used_volumes if config is not None else ():
            users[volume] = (*users.get(volume, ()), each.name)
    return users


def _job_config(session: Session, job: str) -> StackConfig | None:
    try:
        return parse_config(session.driver.config_of(job))
    except RunctlError:
        return None


def _with_cloud(session: Session, listed: Sequence[ListedStorage]) -> list[ListedStorage]:
    regions: dict[str, list[str]] = {}
    for each in listed:
        if each.kind == "volume" and each.config is not None and each.id is not None:
            regions.setdefault(each.config.region, []).append(each.id)
    found: dict[str, StoredVolume] = {}
    unasked: set[str] = set()
    for region, ids in regions.items():
        try:
            found.update(session.provider(region).storage.volumes(ids))
        except RunctlError as error:
            unasked.update(ids)
            session.reporter.say(f"what volumes in {region} are attached to is not known: {error.what}")
    return [
        each if each.kind != "volume" or each.id is None or each.id in unasked else _as_found(each, found)
        for each in listed
    ]


def _as_found(listed: ListedStorage, found: Mapping[str, StoredVolume]) -> ListedStorage:
    now = found.get(listed.id or "")
    if now is None:
        return replace(
            listed, problem=f"{listed.id} does not exist any more: `runctl volume rm {listed.name}`"
        )
    return replace(listed, now=now)


def _origin(config: StorageConfig | None) -> str | None:
    if isinstance(config, SnapshotConfig):
        return config.origin or config.volume or config.source
    return config.snapshot if config is not None else None
