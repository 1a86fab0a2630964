"""How ``up`` is asked to work, whoever the provider is."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.agent.contract import GRACE_SECONDS
from runctl_auto.errors import UsageError

START_FROM_NOTHING = "none"


@dataclass(frozen=True)
class AnyUpOptions:
    """How ``up`` is asked to work."""

    yes: bool = False
    detach: bool = False
    rerun: bool = False
    grace_seconds: int = GRACE_SECONDS
    start_from: str | None = None
    """The checkpoint from which a rerun starts: a sequence, or ``none``. None: runctl's own order."""

    @property
    def afresh(self) -> bool | None:
        """Whether a new run leaves earlier checkpoints; None when that is not said."""
        return None if self.start_from is None else self.start_from == START_FROM_NOTHING


def nothing_to_start_from(job: str) -> UsageError:
    """The error for a job that has never run, and is to start from a checkpoint."""
    return UsageError(
        f"Job '{job}' has never run: there is no checkpoint to start from.",
        where={"job": job},
        next_step="Repeat without --from.",
    )
