"""``dashboard``: all jobs as pages, served or written. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runctl_auto.errors import RunctlError
from runctl_auto.jobs.session import Session
from runctl_auto.operations.leaks import LeaksOptions, find_leaks
from runctl_auto.pages.looks.all_jobs import AllJobs
from runctl_auto.pages.looks.reading import Reading

if TYPE_CHECKING:
    from runctl_auto.pages.web.export import Exported
    from runctl_auto.pages.web.server import Place


def serve_dashboard(session: Session, place: Place, tell: Callable[[str], None]) -> None:
    """Serves the pages until it is interrupted; ``tell`` hears their address. Blocks.

    Raises ``UsageError`` when it cannot listen there.
    """
    from runctl_auto.pages.web.server import serve

    serve(Reading.of(session, _leaks), place, tell)


def export_dashboard(session: Session, folder: Path, *, leaks: bool) -> Exported:
    """Writes the pages as files; with ``leaks`` the account is searched first. Blocks.

    Raises ``UsageError`` when the folder holds something else, or cannot be written.
    """
    from runctl_auto.pages.web.export import export

    reading = Reading.of(session, _leaks)
    look = AllJobs(session).look()
    if leaks:
        with session.reporter.working("looking for leaks"):
            reading.search()
    try:
        with session.reporter.working(f"writing the pages of {len(look.jobs)} jobs"):
            return export(reading, look, folder)
    except OSError as error:
        raise RunctlError(
            f"The pages cannot be written to {folder}: {error.strerror or error}.",
            where={"path": str(folder)},
        ) from error


def _leaks(session: Session) -> Mapping[str, Any]:
    return find_leaks(session, LeaksOptions()).as_json()
