"""Tells what a watcher sees: each event once, also while it lasts."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.watch.events import EventName, WatchEvent
from runctl_auto.jobs.watch.watched_job import WatchedJob


class WatchTelling:
    """Turns what was seen of jobs into events for ``tell``."""

    def __init__(self, session: Session, tell: Callable[[WatchEvent], None]) -> None:
        self._session = session
        self._tell = tell
        self._backend_problem: str | None = None
        self.notices = Notices(session, "watch")
        """To people who are not here."""

    def phase(self, watched: WatchedJob) -> None:
        """Tells the phase of the run, when it is another one."""
        status = watched.status
        phase = status.phase if status is not None else "starting"
        run = watched.config.run.id if watched.config is not None else None
        if watched.told.get("phase") == (run, phase):
            return
        is_first = "phase" not in watched.told
        watched.told["phase"] = (run, phase)
        name: EventName = "ended" if status is not None and status.ended else "phase"
        message = None if status is None else status.reason
        if name == "ended" and status is not None and watched.config is not None:
            self.notices.ended(watched.config, status, is_news=not is_first)
        self.event(watched, "watching" if is_first and name == "phase" else name, message=message)

    def event(
        self,
        watched: WatchedJob,
        event: EventName,
        *,
        once: object = None,
        machine: str | None = None,
        message: str | None = None,
    ) -> None:
        """Tells an event; with ``once`` not again while that stays the same."""
        if once is not None:
            if watched.told.get(event) == once:
                return
            watched.told[event] = once
        status = watched.status
        self._tell(
            WatchEvent(
                event=event,
                job=watched.name,
                at=self._session.time.now().isoformat(),
                run=watched.config.run.id if watched.config is not None else None,
                phase=status.phase if status is not None else None,
                machine=machine or watched.machine,
                message=message,
            )
        )

    def backend(self, problem: str | None) -> None:
        """Tells what cannot be asked at the moment; None when all can."""
        if problem is not None and problem != self._backend_problem:
            self._session.reporter.say(f"not known at the moment: {problem}")
        self._backend_problem = problem
