"""``top``: all jobs on a terminal. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from runctl_auto.jobs.session import Session


def top(open_session: Callable[[], Session]) -> None:
    """Shows the jobs until the person quits. The session is opened in a thread, beside the first picture."""
    from runctl_auto.pages.terminal.app import run_top

    run_top(open_session)
