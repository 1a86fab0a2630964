"""One of the jobs that a watcher looks at."""

from __future__ import annotations

from dataclasses import dataclass, field

from runctl_auto.errors import (
    RunctlError,
)
from runctl_auto.jobs.follow.group import GroupWatch
from runctl_auto.jobs.follow.heartbeat import Heartbeat
from runctl_auto.jobs.lost_machine.silent import SilentMachines
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig


@dataclass
class WatchedJob:
    """A job, and what was seen and told of it so far."""

    name: str
    version: str | None = None
    read_until: float = 0.0
    config: StackConfig | None = None
    machine: str | None = None
    other_machines: tuple[str, ...] = ()
    """Of a job on several nodes."""
    group: str | None = None
    group_watch: GroupWatch | None = None
    was_placed: bool | None = None
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    status: RunStatus | None = None
    told: dict[str, object] = field(default_factory=dict)
    failures: int = 0
    not_before: float = 0.0
    given_up: RunctlError | None = None
    given_up_on: tuple[str, int] | None = None
    is_gone: bool = False
    silent: SilentMachines | None = None
    traced: str | None = None
    """The run whose spans were sent on."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to come of its run."""
        has_ended = self.status is not None and self.status.ended
        return self.is_gone or has_ended or self.given_up is not None

    @property
    def attempt(self) -> tuple[str, int] | None:
        """Its run, and how many machines that has lost."""
        return None if self.config is None else (self.config.run.id, len(self.config.lost))
