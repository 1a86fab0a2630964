"""The colours of phases, used wherever a phase is shown."""

from __future__ import annotations

from runctl_auto.agent.contract import Phase
from runctl_auto.run.status import LOST

_COLOURS = {
    Phase.SUCCEEDED: "green",
    Phase.RUNNING: "cyan",
    Phase.FAILED: "red",
    Phase.STOPPED: "yellow",
    Phase.STOPPING: "yellow",
    Phase.INTERRUPTED: "yellow",
    LOST: "red",
    "unknown": "yellow",
}


def phase_colour(text: str) -> str | None:
    """The colour of the cell or word ``text``; None if it is no phase or has no colour."""
    return _COLOURS.get(text.strip())
