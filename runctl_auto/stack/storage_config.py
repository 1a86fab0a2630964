"""The configuration of the stack of a volume or snapshot: one JSON text under the key of its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from runctl_auto.errors import ProgramError
from runctl_auto.stack.config import NAMESPACE
from runctl_auto.stack.kinds import StorageKind, stack_of
from runctl_auto.stack.prices import Rates


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class _StorageConfig:
    """``tags`` are the person's own; ``rates`` the region's prices when it was made. ``protect`` is in force.
    ``size_gb`` is that of a volume, or of the volume that a snapshot is of."""

    kind: ClassVar[StorageKind]

    name: str
    account: str
    partition: str
    region: str
    owner: str
    size_gb: int
    protect: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)

    @property
    def stack(self) -> str:
        return stack_of(self.kind, self.name)

    @property
    def price_hour(self) -> float | None:
        """It has no machine."""
        return None

    @property
    def used_volumes(self) -> tuple[str, ...]:
        return ()

    def to_values(self) -> dict[str, str]:
        """The values to set, by full key."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {f"{NAMESPACE}:{self.kind}": text}


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class VolumeConfig(_StorageConfig):
    """A volume. ``snapshot`` is the id of the one that it began with; ``initialization_rate`` the MiB/s at
    which AWS loads its blocks; ``iops`` and ``throughput`` (MiB/s) are those of gp3 by default."""

    kind: ClassVar[StorageKind] = "volume"

    zone: str
    snapshot: str | None = None
    initialization_rate: int | None = None
    iops: int | None = None
    throughput: int | None = None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class SnapshotConfig(_StorageConfig):
    """A snapshot of the volume ``volume`` (its id), or a copy of the snapshot ``source`` (its id) of
    ``source_region``. ``origin`` is what a person calls that."""

    kind: ClassVar[StorageKind] = "snapshot"

    volume: str | None = None
    source: str | None = None
    source_region: str | None = None
    origin: str = ""


StorageConfig = VolumeConfig | SnapshotConfig

_CONFIGS: Mapping[str, type[StorageConfig]] = {"volume": VolumeConfig, "snapshot": SnapshotConfig}


def storage_config(values: Mapping[str, str]) -> StorageConfig | None:
    """The configuration from the values of a stack; None when it has none of a volume or snapshot.

    Raises ``ProgramError`` when it cannot be read.
    """
    found = ((kind, values[key]) for kind in _CONFIGS if (key := f"{NAMESPACE}:{kind}") in values)
    kind, text = next(found, (None, ""))
    if kind is None:
        return None
    try:
        read: StorageConfig = _adapter(kind).validate_python(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise ProgramError(
            f"the stack's configuration value {NAMESPACE}:{kind} cannot be read: {error}",
            where={"configuration": f"{NAMESPACE}:{kind}"},
            next_step="Use the version of runctl that made it; plain `pulumi destroy` removes it too, and "
            f"`runctl env {kind}.NAME` prints what that needs.",
        ) from error
    return read


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_CONFIGS[kind])
