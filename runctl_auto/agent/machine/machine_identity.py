"""This machine as the cloud describes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class MachineIdentity:
    """This machine; None for what the cloud does not tell. ``launched_at`` is an RFC 3339 time."""

    id: str
    type: str | None = None
    zone: str | None = None
    market: str | None = None
    launched_at: str | None = None


class ReadsMetadata(Protocol):
    """The part of the instance metadata service that is used here."""

    def get(self, path: str) -> str | None: ...


def read_identity(metadata: ReadsMetadata) -> MachineIdentity:
    """Asks the instance metadata service. Raises what it raises when it is unreachable."""
    document = _document(metadata.get("dynamic/instance-identity/document"))
    return MachineIdentity(
        id=document.get("instanceId") or metadata.get("meta-data/instance-id") or "unknown",
        type=document.get("instanceType"),
        zone=document.get("availabilityZone"),
        market=metadata.get("meta-data/instance-life-cycle"),
        launched_at=document.get("pendingTime"),
    )


def _document(text: str | None) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    members = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in members if isinstance(value, str)}
