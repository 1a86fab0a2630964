"""The process that holds something: as people know it, and such that its death is seen on its own machine."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

_START_TICKS = 19
"""The field of ``/proc/PID/stat`` behind the name of the program, counted from 0: when it started."""

Life = Literal["alive", "dead", "unknown"]


@dataclass(frozen=True, kw_only=True)
class ProcessMark:
    """A process beyond its number: ``machine`` is this boot of the machine and the numbering of its processes
    (containers have their own), ``started`` the kernel's count of ticks. No clock that can be set is in it.
    """

    machine: str
    pid: int
    started: int


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def host_name() -> str:
    return socket.gethostname()


@cache
def this_machine() -> str:
    """This boot and this numbering of processes; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - the text is no path
    except OSError:
        return ""


def started_ticks(pid: int) -> int | None:
    """When a process started, in ticks since the boot; None when there is none, 0 where that is hidden."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    except OSError:
        return 0
    return None if fields[0] in ("Z", "X") else int(fields[_START_TICKS])


def mark_of_this_process() -> ProcessMark | None:
    """None where the system does not tell enough."""
    started = started_ticks(os.getpid())
    if not this_machine() or not started:
        return None
    return ProcessMark(machine=this_machine(), pid=os.getpid(), started=started)


@dataclass(frozen=True)
class Here:
    """This machine; replaceable in tests."""

    machine: Callable[[], str] = this_machine
    started: Callable[[int], int | None] = started_ticks

    def life_of(self, mark: ProcessMark | None) -> Life:
        """Whether the process lives. Of another machine, and of another boot, nothing is known."""
        if mark is None or not mark.machine or mark.machine != self.machine():
            return "unknown"
        started = self.started(mark.pid)
        if started is None:
            return "dead"
        if started == 0:
            return "unknown"
        return "alive" if started == mark.started else "dead"
