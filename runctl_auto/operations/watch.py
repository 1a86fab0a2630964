"""``watch``: follows jobs, and gives runs that lost their machine a new one (``jobs/watcher.py``)."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.jobs.session import Session
from runctl_auto.jobs.watch_events import WatchEvent
from runctl_auto.jobs.watcher import Watcher, WatchOptions


def watch(session: Session, options: WatchOptions, tell: Callable[[WatchEvent], None]) -> None:
    """Watches until all the named jobs have ended; all jobs of the backend: until it is interrupted. Blocks.

    Raises ``JobNotFoundError`` for a name that is no job, ``TrainingFailedError`` when a run did not succeed,
    and what ended the watch of a job whose run did not end.
    """
    watcher = Watcher(session, options, tell)
    watcher.refuse_unknown()
    while True:
        watcher.round()
        if options.once or (options.jobs and watcher.is_done):
            break
        session.time.sleep(options.every_seconds)
    if options.jobs and watcher.is_done:
        watcher.raise_failures()
