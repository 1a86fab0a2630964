"""The machine's process table, read from /proc."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STATE, SESSION, START_TICKS = 0, 3, 19
USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM = 11, 12, 13, 14


class ProcessTable(Protocol):
    """What ending a job needs to know and do."""

    def session(self, leader: int) -> list[int]: ...
    def start_ticks(self, pid: int) -> int | None: ...
    def signal(self, pid: int, number: signal.Signals) -> None: ...


@dataclass(frozen=True)
class ProcProcessTable:
    """The process table of this machine."""

    proc: Path = Path("/proc")

    def session(self, leader: int) -> list[int]:
        """Living processes (zombies are not) of the session that `leader` began, dead or alive itself."""
        found = []
        for entry in os.scandir(self.proc):
            fields = self._fields(entry.name) if entry.name.isdigit() else None
            if fields and fields[STATE] not in "ZX" and int(fields[SESSION]) == leader:
                found.append(int(entry.name))
        return found

    def processor_seconds(self, leader: int) -> float:
        """What the living processes of that session, and those they have seen end, have used so far."""
        ticks = 0
        for pid in self.session(leader):
            fields = self._fields(str(pid))
            if fields:
                ticks += sum(int(fields[n]) for n in (USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM))
        return ticks / float(os.sysconf("SC_CLK_TCK"))

    def start_ticks(self, pid: int) -> int | None:
        """When `pid` started, in ticks since boot; None when there is no such process."""
        fields = self._fields(str(pid))
        return int(fields[START_TICKS]) if fields else None

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Sends a signal; a process that is gone is fine."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    def _fields(self, pid: str) -> list[str] | None:
        try:
            text = (self.proc / pid / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # The name in parentheses may hold anything, parentheses included.
        return text[text.rfind(")") + 2 :].split()
