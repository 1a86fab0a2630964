"""Reads all jobs, again and again with little work."""

from __future__ import annotations

from dataclasses import dataclass, field

from runctl_auto.jobs.known_jobs import KnownJobs
from runctl_auto.jobs.local.everywhere import list_everywhere
from runctl_auto.jobs.reporting import NobodyThere
from runctl_auto.jobs.session import Session
from runctl_auto.pages.looks.look import Look, look_of


@dataclass
class Notes(NobodyThere):
    """Keeps what is said while something is read."""

    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)


class AllJobs:
    """All jobs of a session's backend, and those of this machine. Not to be shared between threads."""

    def __init__(self, session: Session) -> None:
        self._notes = Notes()
        self._session = session.for_reading(self._notes)
        self._known = KnownJobs()

    def look(self) -> Look:
        """Reads what has changed. Blocks. Raises ``RunctlError``."""
        self._notes.said.clear()
        listed = list_everywhere(self._session, self._known)
        return look_of(self._session.time.now(), listed, self._notes.said)
