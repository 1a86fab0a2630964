"""``watch``: follows jobs, and gives runs that lost their machine a new one (``jobs/watcher.py``)."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.jobs.replacements import OpenSession
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.watch_events import WatchEvent
from runctl_auto.jobs.watcher import Watcher, WatchOptions


def watch(
    session: Session,
    options: WatchOptions,
    tell: Callable[[WatchEvent], None],
    open_session: OpenSession | None = None,
) -> None:
    """Watches until all the named jobs have ended; all jobs of the backend: until it is interrupted. Blocks.

    Raises ``JobNotFoundError`` for a name that is no job, ``TrainingFailedError`` when a run did not succeed,
    and what ended the watch of a job whose run did not end. With ``open_session`` new machines are made side
    by side.
    """
    watcher = Watcher(session, options, tell, open_session)
    watcher.refuse_unknown()
    try:
        while True:
            watcher.round()
            if options.once or (options.jobs and watcher.is_done):
                break
            watcher.pause()
        watcher.finish()
    except KeyboardInterrupt:
        watcher.leave()
        raise
    if options.jobs and watcher.is_done:
        watcher.raise_failures()
