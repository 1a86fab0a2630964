"""The colours of phases, the same wherever a phase is shown."""

from __future__ import annotations

_COLOURS = {
    "succeeded": "green",
    "running": "cyan",
    "failed": "red",
    "stopped": "yellow",
    "stopping": "yellow",
    "interrupted": "yellow",
    "lost": "red",
    "unknown": "yellow",
}


def phase_colour(text: str) -> str | None:
    """The colour of the cell or word ``text``; None for what is no phase, or one without a colour."""
    return _COLOURS.get(text.strip())
