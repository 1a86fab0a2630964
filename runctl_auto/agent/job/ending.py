"""Ends the job's processes: the command first, then the rest, finally SIGKILL."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from runctl_auto.agent.job.processes import Process, ProcessTable

LOOK_EVERY_SECONDS = 0.2
SETTLE_SECONDS = 2.0
"""How long helper processes may take to exit by themselves after the command has exited."""
LOW_SHARE = 1 / 3
MOST_LOW_SECONDS = 15.0
"""Helpers are signalled in the last third of the grace, at most this long before its end."""
UNKILLABLE_SECONDS = 10.0
"""How long to wait for a process after SIGKILL; one in an uninterruptible system call does not exit."""


@dataclass(frozen=True)
class Ending:
    """Ends processes. `living` returns the job's current processes."""

    living: Callable[[], Mapping[int, Process]]
    table: ProcessTable
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep
    cut_off: set[tuple[int, int]] = field(default_factory=set, compare=False)
    """Files (device, inode) that a process had open for writing when a signal ended it by force."""

    def end(self, grace_seconds: float, first: Collection[int] = ()) -> set[int]:
        """Blocks until all processes have exited; returns those that survive SIGKILL.

        SIGTERM goes to `first`, and to all others once these have exited or the grace is almost over; without
        `first`, to all at once. Each process is signalled once. At the end of the grace the remaining ones
        are sent SIGKILL.
        """
        kill_at = self.clock() + grace_seconds
        low_at = kill_at - min(grace_seconds * LOW_SHARE, MOST_LOW_SECONDS)
        commands = set(first)
        asked: set[int] = set()
        all_at = low_at if commands else self.clock()
        while True:
            living = self.living()
            now = self.clock()
            if not living or now >= kill_at + UNKILLABLE_SECONDS:
                return set(living)
            if now >= kill_at:
                self._send(signal.SIGKILL, living)
            else:
                if not commands & living.keys():
                    all_at = min(all_at, now + SETTLE_SECONDS)
                due = set(living) if now >= all_at else commands & living.keys()
                self._send(signal.SIGTERM, due - asked)
                asked |= due
            self.wait(LOOK_EVERY_SECONDS)

    def settle(self, seconds: float = SETTLE_SECONDS) -> Mapping[int, Process]:
        """Waits for processes that are about to exit by themselves; returns those that remain."""
        give_up = self.clock() + seconds
        while True:
            living = self.living()
            if not living or self.clock() >= give_up:
                return living
            self.wait(LOOK_EVERY_SECONDS)

    def _send(self, number: signal.Signals, pids: Collection[int]) -> None:
        for pid in sorted(pids):
            if number == signal.SIGKILL or not self._handles(pid, number):
                self.cut_off.update(self.table.written(pid))
            self.table.signal(pid, number)

    def _handles(self, pid: int, number: signal.Signals) -> bool:
        actions = self.table.actions(pid)
        return number in actions.caught or number in actions.ignored
