"""``outputs``: the outputs of a job's stack. Reads only."""

from __future__ import annotations

from typing import Any

from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session


def outputs(session: Session, job: str) -> dict[str, Any]:
    """The outputs of the job's stack. Raises ``JobNotFoundError`` when there is none."""
    with session.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        return session.stack(job).stack.outputs()
