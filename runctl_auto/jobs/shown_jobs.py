"""The jobs of the backend for a list that is shown: summaries of checkpoints are kept in ``.runctl/``."""

from __future__ import annotations

from runctl_auto.backend.kept_summaries import SummariesInText
from runctl_auto.backend.mark import backend_mark
from runctl_auto.engine.driver import JobSummary
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.session import Session
from runctl_auto.local.private_folder import read_private, replace_private

_FOLDER = "summaries"


def shown_jobs(session: Session) -> tuple[JobSummary, ...]:
    """As ``driver.jobs``, for what is shown only: what it tells of a job can be wrong."""
    name = f"{backend_mark(session.environment.backend)}.json"
    try:
        kept = SummariesInText(read_private(session.folders.private / _FOLDER / name))
    except (OSError, RunctlError):
        kept = SummariesInText(None)
    jobs = session.driver.jobs(kept)
    if kept.changed:
        _write(session, name, kept.text())
    return jobs


def _write(session: Session, name: str, text: str) -> None:
    """What cannot be written is read again the next time."""
    try:
        replace_private(session.folders.make_private(_FOLDER) / name, text)
    except (OSError, RunctlError):
        return
