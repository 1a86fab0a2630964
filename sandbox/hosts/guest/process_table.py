"""Processes inside a host, read from /proc: by service, and by use of a folder."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

INVOCATION_VARIABLE = "INVOCATION_ID"


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    state: str


def processes() -> list[Process]:
    """All visible processes, except zombies."""
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - thousands of Path objects cost more than the scan
        if entry.isdigit() and (process := _read(int(entry))) and process.state not in "ZX":
            found.append(process)
    return found


def _read(pid: int) -> Process | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]
    return Process(pid, int(parent), state)


def descendants(of: int) -> set[int]:
    """Descendants of `of`, excluding itself."""
    children: dict[int, list[int]] = {}
    for process in processes():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    pending = list(children.get(of, ()))
    while pending:
        pid = pending.pop()
        if pid not in found:
            found.add(pid)
            pending.extend(children.get(pid, ()))
    return found


def members(main_pid: int | None, invocation: str) -> set[int]:
    """Processes of one run of a service: descendants of its main process, or with its invocation id."""
    found = descendants(main_pid) | {main_pid} if main_pid else set()
    mark = f"{INVOCATION_VARIABLE}={invocation}".encode()
    for process in processes():
        if process.pid not in found and mark in _environment(process.pid):
            found.add(process.pid)
    return found - {os.getpid()}


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def send(pids: Iterable[int], number: int) -> None:
    """Signal each process; those that have ended or may not be signalled are skipped."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_all_below(init: int) -> None:
    """SIGKILL all descendants of `init`, until a scan finds no new ones (bounded)."""
    for _ in range(50):
        found = descendants(init)
        if not found:
            return
        send(found, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def users_of(folder: Path) -> list[int]:
    """Processes whose working directory or an open file is inside `folder`."""
    inside = f"{os.path.realpath(folder)}/"
    return [
        process.pid for process in processes() if any(f"{p}/".startswith(inside) for p in _held(process.pid))
    ]


def _held(pid: int) -> list[str]:
    held = []
    with contextlib.suppress(OSError):
        held.append(str(Path(f"/proc/{pid}/cwd").readlink()))
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        descriptors = []
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            held.append(str(descriptor.readlink()))
    return held
