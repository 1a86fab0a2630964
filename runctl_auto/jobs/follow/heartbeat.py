"""How long a machine has been silent, and from when on it counts as hung."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runctl_auto.agent.status_format import NodeJson, NodePhase
from runctl_auto.run.status import RunStatus

HUNG_SECONDS = 300.0
"""How long a machine that runs may be silent: ten times what its agent takes between two reports."""
BOOT_SECONDS = 900.0
"""How long a machine may take to its first report."""


@dataclass
class Heartbeat:
    """When a machine was last seen to report, by the watcher's own clock: the clock of the machine, which
    writes the time into its status, may be wrong."""

    _mark: tuple[str | None, str | None] | None = None
    _since: float = 0.0

    def silent_seconds(self, machine: str | None, status: RunStatus | None, now: float) -> float:
        """Seconds since machine or report were others than now."""
        mark = (machine, status.updated_at if status is not None else None)
        if mark != self._mark:
            self._mark, self._since = mark, now
        return now - self._since


def silent_node(status: RunStatus | None, *, hung_seconds: float = HUNG_SECONDS) -> NodeJson | None:
    """The first of several nodes that was lost and has been silent for too long. Both times are those of the
    first node's clock.
    """
    told = None if status is None else moment(status.updated_at)
    if status is None or told is None:
        return None
    for node in status.nodes:
        since = moment(node["since"])
        is_lost = node["phase"] == NodePhase.LOST and since is not None
        if is_lost and since is not None and (told - since).total_seconds() >= hung_seconds:
            return node
    return None


def moment(text: str | None) -> datetime | None:
    """The moment that a status names; None for none."""
    try:
        return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def is_hung(
    machine: str, status: RunStatus | None, silent_seconds: float, *, hung_seconds: float = HUNG_SECONDS
) -> bool:
    """Whether a machine that runs has been silent for too long; one that has never reported may boot."""
    has_reported = status is not None and machine in status.heard_machines
    return silent_seconds >= (hung_seconds if has_reported else max(hung_seconds, BOOT_SECONDS))
