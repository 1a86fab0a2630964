"""Asks a person before something is changed."""

from __future__ import annotations

from collections.abc import Mapping

from runctl_auto.errors import ConfirmationNeededError
from runctl_auto.jobs.reporting import Reporter


def require_confirmation(
    reporter: Reporter, question: str, refusal: str, *, yes: bool, where: Mapping[str, str] | None = None
) -> None:
    """Blocks until answered; ``yes`` answers before. Raises ``ConfirmationNeededError``, which says
    ``refusal``, unless the answer is yes."""
    if not (yes or reporter.confirm(question)):
        raise ConfirmationNeededError(refusal, where=where, next_step="Answer yes, or use --yes.")
