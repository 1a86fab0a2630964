"""Processes that outlive their parent: identified by pid and start time, since pids are reused."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessIdentity:
    pid: int
    started: int
    """Start time in clock ticks since the machine booted."""

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Raise ProcessLookupError when there is no such process."""
        fields = _stat(pid)
        if fields is None:
            raise ProcessLookupError(f"no process {pid}")
        return cls(pid, int(fields[19]))

    def alive(self) -> bool:
        """Whether it is still running; a zombie is not."""
        fields = _stat(self.pid)
        return fields is not None and fields[0] not in "ZX" and int(fields[19]) == self.started

    def signal(self, number: int) -> None:
        """Send a signal; no effect when it has ended."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self, seconds: float = 5.0) -> bool:
        """SIGKILL and wait (blocking, at most `seconds`). True when it has ended."""
        watch = self.watch()
        try:
            self.signal(signal.SIGKILL)
            if watch is not None:
                select.select([watch], [], [], seconds)
            deadline = time.monotonic() + seconds
            while self.alive() and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            if watch is not None:
                os.close(watch)
        return not self.alive()

    def watch(self) -> int | None:
        """A descriptor, to be closed by the caller, that is readable once it ends; None when it has ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if self.alive():
            return descriptor
        os.close(descriptor)
        return None


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None


def processes_of_user(uid: int) -> list[int]:
    """Processes running as `uid`, except zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == uid and (fields := _stat(int(entry.name))) and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found


def descendants(pid: int) -> list[int]:
    """All children of a process, their children, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def processes_marked(mark: str) -> list[int]:
    """Processes, except zombies, with the entry `mark` (`NAME=value`) in their initial environment."""
    found, wanted = [], mark.encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
