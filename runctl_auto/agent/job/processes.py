"""The machine's process table, read from /proc."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STATE, PARENT, SESSION, START_TICKS = 0, 1, 3, 19
PROCESSOR_TICKS = (11, 12, 13, 14)
PR_SET_CHILD_SUBREAPER = 36
STANDARD_INPUT, STANDARD_OUTPUT, STANDARD_ERROR = 0, 1, 2
MULTI_CALL_PROGRAMS = {"busybox", "toybox"}


@dataclass(frozen=True)
class Process:
    """A process at one moment. `processor_ticks` includes the children that it has waited for."""

    pid: int
    parent: int
    session: int
    start_ticks: int
    processor_ticks: int = 0
    is_zombie: bool = False


@dataclass(frozen=True)
class SignalActions:
    """How a process handles signals: the numbers that it catches (or blocks, to receive them itself), and
    those that it ignores. All others have their default effect.
    """

    caught: frozenset[int] = frozenset()
    ignored: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Pipes:
    """The pipes that are a process's standard streams; `read` is None when its input is no pipe."""

    read: str | None = None
    written: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reaped:
    """A child that has exited. `code` is as a shell reports it."""

    code: int
    processor_seconds: float


class ProcessTable(Protocol):
    """The operations needed to monitor and end a job."""

    def processes(self) -> Mapping[int, Process]: ...
    def signal(self, pid: int, number: signal.Signals) -> None: ...
    def reap(self, pid: int) -> Reaped | None: ...
    def actions(self, pid: int) -> SignalActions: ...
    def program(self, pid: int) -> str: ...
    def command(self, pid: int) -> str: ...
    def pipes(self, pid: int) -> Pipes: ...
    def written(self, pid: int) -> frozenset[tuple[int, int]]: ...


@dataclass(frozen=True)
class ProcProcessTable:
    """The process table of this machine. Queries about a process that has gone return an empty answer."""

    proc: Path = Path("/proc")

    def processes(self) -> dict[int, Process]:
        """All processes by number, zombies included."""
        found = {}
        for entry in os.scandir(self.proc):
            process = self._process(entry.name) if entry.name.isdigit() else None
            if process:
                found[process.pid] = process
        return found

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Sends a signal; ignores a process that has gone or that may not be signalled."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)

    def reap(self, pid: int) -> Reaped | None:
        """Reaps a child of this process; None while it lives or when it is no child."""
        try:
            ended, status, usage = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if not ended:
            return None
        code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return Reaped(code, usage.ru_utime + usage.ru_stime)

    def actions(self, pid: int) -> SignalActions:
        masks = {}
        for line in self._read(pid, "status").splitlines():
            name, _, value = line.partition(b":")
            if name.startswith(b"Sig") and name != b"SigQ":
                masks[name] = _signals(int(value, 16))
        none: frozenset[int] = frozenset()
        taken = masks.get(b"SigCgt", none) | masks.get(b"SigBlk", none)
        return SignalActions(taken, masks.get(b"SigIgn", none))

    def program(self, pid: int) -> str:
        """The name of the program's file; the process's own name where that cannot be read."""
        own_name = self._read(pid, "comm").decode("utf-8", "replace").strip()
        try:
            file = (self.proc / str(pid) / "exe").readlink().name
        except OSError:
            return own_name
        return own_name if file in MULTI_CALL_PROGRAMS else file

    def command(self, pid: int) -> str:
        """The command line, its words separated by spaces."""
        words = self._read(pid, "cmdline").split(b"\0")
        return b" ".join(words).decode("utf-8", "replace").strip() or self.program(pid)

    def pipes(self, pid: int) -> Pipes:
        written = {self._pipe(pid, number) for number in (STANDARD_OUTPUT, STANDARD_ERROR)}
        return Pipes(self._pipe(pid, STANDARD_INPUT), frozenset(pipe for pipe in written if pipe))

    def written(self, pid: int) -> frozenset[tuple[int, int]]:
        """The regular files (device, inode) that the process has open for writing, but for appending."""
        folder = self.proc / str(pid)
        found = set()
        try:
            numbers = os.listdir(folder / "fd")
        except OSError:
            return frozenset()
        for number in numbers:
            flags = _open_flags(self._read(pid, f"fdinfo/{number}"))
            if flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR) and not flags & os.O_APPEND:
                with contextlib.suppress(OSError):
                    state = os.stat(folder / "fd" / number)
                    if stat.S_ISREG(state.st_mode):
                        found.add((state.st_dev, state.st_ino))
        return frozenset(found)

    def _pipe(self, pid: int, number: int) -> str | None:
        try:
            target = str((self.proc / str(pid) / "fd" / str(number)).readlink())
        except OSError:
            return None
        return target if target.startswith("pipe:") else None

    def _process(self, pid: str) -> Process | None:
        text = self._read(pid, "stat").decode("utf-8", "replace")
        # The name in parentheses may contain any character, parentheses included.
        fields = text[text.rfind(")") + 2 :].split()
        if not fields:
            return None
        return Process(
            pid=int(pid),
            parent=int(fields[PARENT]),
            session=int(fields[SESSION]),
            start_ticks=int(fields[START_TICKS]),
            processor_ticks=sum(int(fields[number]) for number in PROCESSOR_TICKS),
            is_zombie=fields[STATE] in "ZX",
        )

    def _read(self, pid: int | str, name: str) -> bytes:
        try:
            return (self.proc / str(pid) / name).read_bytes()
        except OSError:
            return b""


def become_subreaper() -> bool:
    """Makes this process the subreaper of its descendants; returns whether that worked."""
    return _set_subreaper(1)


def be_no_subreaper() -> bool:
    """Undoes ``become_subreaper``: what this process starts from now on is not its own for ever."""
    return _set_subreaper(0)


def _set_subreaper(value: int) -> bool:
    try:
        return int(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, value, 0, 0, 0)) == 0
    except (OSError, AttributeError):
        return False


def _signals(mask: int) -> frozenset[int]:
    return frozenset(number for number in range(1, 65) if mask >> (number - 1) & 1)


def _open_flags(fdinfo: bytes) -> int:
    for line in fdinfo.splitlines():
        name, _, value = line.partition(b":")
        if name == b"flags":
            return int(value, 8)
    return 0
