"""The part of the provider contract about volumes and snapshots, and the values that it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from runctl_auto.stack.kinds import StorageKind


@dataclass(frozen=True, kw_only=True)
class StoredVolume:
    """A volume that exists. ``state`` is EC2's name for it; ``machines`` are those that it is attached to.
    ``tags`` are anybody's."""

    id: str
    zone: str
    size_gb: int
    state: str
    snapshot: str | None = None
    machines: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StoredSnapshot:
    """A snapshot that exists. ``size_gb`` is the size of its volume; it takes up less."""

    id: str
    size_gb: int
    state: str


@dataclass(frozen=True, kw_only=True)
class Modification:
    """The last change of a volume's size or speed. ``is_under_way``: no other is possible until it ends."""

    state: str
    is_under_way: bool
    began_at: datetime | None = None


class Storage(Protocol):
    """Volumes and snapshots of one region. All methods make requests and raise ``CloudError``."""

    def volumes(self, identities: Sequence[str]) -> Mapping[str, StoredVolume]:
        """Those of the volumes that exist, by id."""

    def snapshot(self, identity: str) -> StoredSnapshot | None:
        """The snapshot; None when there is none that the caller may use."""

    def called(self, kind: StorageKind, label: str) -> tuple[str, ...]:
        """Ids of the volumes or snapshots whose tag ``Name`` is ``label``."""

    def modification(self, volume: str) -> Modification | None:
        """The last change of the volume; None without one."""

    def detach(self, volume: str, machine: str) -> None:
        """Detaches the volume from the machine and blocks until that is done. The machine must not have it
        mounted. Idempotent."""
