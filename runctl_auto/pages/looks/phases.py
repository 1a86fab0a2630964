"""Phases in the order in which a person wants to see them."""

from __future__ import annotations

from runctl_auto.agent.contract import LIVE_PHASES, Phase
from runctl_auto.run.status import LOST

ORDER = (
    LOST,
    Phase.FAILED,
    Phase.INTERRUPTED,
    "unknown",
    *reversed(LIVE_PHASES),
    "starting",
    Phase.STOPPED,
    Phase.SUCCEEDED,
)
"""Phases in the order in which a person wants to see them."""
_PLACE = {phase: number for number, phase in enumerate(ORDER)}


def phase_place(phase: str) -> tuple[int, str]:
    """Where a phase belongs in lists; those that are not known here come last."""
    return _PLACE.get(phase, len(_PLACE)), phase
