"""What ``watch`` tells of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

EventName = Literal[
    "watching", "phase", "lost", "hung", "replaced", "left", "problem", "given-up", "ended", "gone"
]
EVENTS: tuple[EventName, ...] = get_args(EventName)


@dataclass(frozen=True, kw_only=True)
class WatchEvent:
    """Something that happened to a job. ``at`` is RFC 3339 in UTC, ``machine`` the one that it is about."""

    event: EventName
    job: str
    at: str
    run: str | None = None
    phase: str | None = None
    machine: str | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "job": self.job,
            "at": self.at,
            "run": self.run,
            "phase": self.phase,
            "machine": self.machine,
            "message": self.message,
        }
