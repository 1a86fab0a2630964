"""Threads of this command that work on many jobs at once, and tell of each by its name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runctl_auto.cli.console import Console
    from runctl_auto.engine.executor.local_pool import LocalPool
    from runctl_auto.jobs.session import Session


def local_workers(session: Session, console: Console, parallel: int) -> LocalPool[Session]:
    """A pool of ``parallel`` threads, each with a session of its own."""
    from runctl_auto.cli.job_reporter import JobReporter
    from runctl_auto.engine.executor.local_pool import LocalPool
    from runctl_auto.jobs.folder.sessions import ThreadSessions

    lock = threading.Lock()
    return LocalPool(parallel, ThreadSessions(session, lambda: JobReporter(console, lock)).of)
