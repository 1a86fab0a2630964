"""``watch``: follows jobs, and gives runs that lost their machine a new one (``jobs/watch/watcher.py``)."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.errors import RunctlError
from runctl_auto.jobs.bills.all_jobs import all_bills
from runctl_auto.jobs.bills.budget_check import budgets_of
from runctl_auto.jobs.lost_machine.side_by_side import OpenSession
from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.watch.events import WatchEvent
from runctl_auto.jobs.watch.watcher import Watcher, WatchOptions

BUDGETS_EVERY_SECONDS = 600.0


class _Budgets:
    """The monthly budgets, looked at now and then: adding up all jobs' costs takes more than a round."""

    def __init__(self, session: Session, notices: Notices) -> None:
        self._session = session
        self._notices = notices
        self._next = session.time.monotonic()

    def look(self) -> None:
        """Tells steps that are reached. Costs nothing unless budgets and somebody to tell are set."""
        settings, now = self._session.settings, self._session.time.monotonic()
        has_budgets = settings.cost.has_budgets
        if not has_budgets or not settings.notify.is_set or now < self._next:
            return
        self._next = now + BUDGETS_EVERY_SECONDS
        try:
            bills = all_bills(self._session)
        except (RunctlError, OSError) as error:
            self._session.reporter.say(f"what this month cost is not known at the moment: {error}")
            return
        owners = sorted({each.owner for each in bills})
        self._notices.budgets(budgets_of(self._session, owners, bills))


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
    budgets = _Budgets(session, watcher.notices)
    try:
        while True:
            watcher.round()
            budgets.look()
            if options.once or (options.jobs and watcher.is_done):
                break
            watcher.pause()
        watcher.finish()
    except KeyboardInterrupt:
        watcher.leave()
        raise
    finally:
        watcher.notices.drain()
    if options.jobs and watcher.is_done:
        watcher.raise_failures()
