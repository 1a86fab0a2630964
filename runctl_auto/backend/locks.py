"""Who holds a stack's lock, and whether that process still lives.

Pulumi's file and object-store backends lock a stack with a file that names process, user, host and time:
``locks/organization/<project>/<stack>/<id>.json``, never compressed. Removing it stops nobody: it is only
removed when its owner is known to be dead.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

STARTER_VARIABLE = "RUNCTL_STARTED_BY"
"""In an engine's environment: the runctl that started it, as ``pid:start time``."""

_OWNER = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")


@dataclass(frozen=True)
class LockOwner:
    """The process that a lock names. ``since`` is RFC 3339."""

    user: str
    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host} (pid {self.pid}) since {self.since}"


@dataclass(frozen=True)
class Lock:
    """One lock file of a stack. ``place`` is its address, ``path`` its path in the backend; ``owner`` is None
    when the file does not name one."""

    place: str
    owner: LockOwner | None
    path: str

    @property
    def stack(self) -> str:
        return PurePosixPath(self.path).parent.name


def parse_lock(text: bytes) -> LockOwner | None:
    """The owner that a lock file names; None when it names none."""
    try:
        content = json.loads(text)
        return LockOwner(
            str(content["username"]), str(content["hostname"]), int(content["pid"]), str(content["timestamp"])
        )
    except (ValueError, KeyError, TypeError):
        return None


def owners_in(text: str) -> tuple[LockOwner, ...]:
    """The owners that the engine's message about a locked stack names."""
    return tuple(
        LockOwner(each["user"], each["host"], int(each["pid"]), each["at"]) for each in _OWNER.finditer(text)
    )


def _started_at(pid: int) -> float | None:
    """When a process started, in seconds since 1970; None without one; 0.0 where it is hidden."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0 if _exists(pid) else None
    if fields[0] in ("Z", "X"):
        return None
    return _boot_time() + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _boot_time() -> float:
    for line in Path("/proc/stat").read_text(encoding="utf-8").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0


def _starter_of(pid: int) -> str | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    prefix = f"{STARTER_VARIABLE}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return entry[len(prefix) :].decode()
    return None


@dataclass(frozen=True)
class Processes:
    """The processes of this machine; replaceable in tests. ``started_at`` gives seconds since 1970."""

    host: Callable[[], str] = socket.gethostname
    started_at: Callable[[int], float | None] = _started_at
    starter_of: Callable[[int], str | None] = _starter_of


def is_dead(owner: LockOwner, processes: Processes) -> bool:
    """Whether the owner is known to be dead. Of another host nothing is known."""
    if owner.host != processes.host():
        return False
    started = processes.started_at(owner.pid)
    if started is None:
        return True
    locked = _seconds(owner.since)
    return locked is not None and started > locked + 1.0


def is_orphan(owner: LockOwner, processes: Processes) -> bool:
    """Whether the owner is an engine whose runctl is dead: it ends by itself, and nobody waits for it."""
    if owner.host != processes.host() or is_dead(owner, processes):
        return False
    starter = processes.starter_of(owner.pid)
    if starter is None:
        return False
    pid, _, begun = starter.partition(":")
    if not pid.isdigit():
        return False
    alive_since = processes.started_at(int(pid))
    return alive_since is None or f"{alive_since:.2f}" != begun


def this_process() -> str:
    """The value of ``STARTER_VARIABLE`` for engines that this process starts."""
    started = _started_at(os.getpid())
    return f"{os.getpid()}:{0.0 if started is None else started:.2f}"


def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
