"""Starts the init of a host: in namespaces (bubblewrap or unshare), or as a plain unprivileged process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from sandbox.hosts.binds import PROGRAMS_INSIDE, View
from sandbox.hosts.host_folder import HostFolder
from sandbox.hosts.process_identity import ProcessIdentity
from sandbox.hosts.programs_folder import INIT

_START_SECONDS = 10.0
HOST_MARK = "RUNCTL_SANDBOX_HOST"
"""Environment variable of every process of a host, except those that unset it."""


class HostStartError(Exception):
    """The host's first process did not start. The message says why; the console may have details."""


@dataclass(frozen=True)
class HostProcesses:
    """`outer` is the process started; `init` the host's first process, which may be the same.

    While `started` is referenced, Python does not collect the exit status of `outer` by itself.
    """

    outer: ProcessIdentity
    init: ProcessIdentity
    started: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class HostStart:
    """Parameters of a host's start. `environment` is the complete environment of the host's processes."""

    folder: HostFolder
    hostname: str
    environment: Mapping[str, str]
    console: int
    command: tuple[str, ...] | None = None
    """A command to run instead of the init, for a probe."""


class Launcher(Protocol):
    """One way to start hosts. `start` blocks until the init's pid is known and raises HostStartError."""

    def start(self, start: HostStart, view: View | None, uid: int | None) -> HostProcesses: ...


def init_command(programs: Path) -> tuple[str, ...]:
    """The command line of the init; `programs` is the path inside the host."""
    return (str(programs / "bin/python3"), "-I", "-S", str(programs / INIT), str(programs / "bin"))


class BubblewrapLauncher:
    """Namespaces created by bubblewrap."""

    def __init__(self, program: str, options: tuple[str, ...] = ()) -> None:
        self._program = program
        self._options = options

    def start(self, start: HostStart, view: View | None, uid: int | None) -> HostProcesses:
        if view is None or uid is not None:
            raise HostStartError("a host in namespaces needs a view, and no other user")
        read, write = os.pipe()
        arguments = [self._program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        arguments += [
            *self._options,
            "--hostname",
            start.hostname,
            "--uid",
            "0",
            "--gid",
            "0",
            "--cap-drop",
            "ALL",
        ]
        arguments += ["--as-pid-1", "--info-fd", str(write), "--bind", str(start.folder.root), "/"]
        for bind in view.binds:
            arguments += ["--bind" if bind.writable else "--ro-bind", str(bind.source), str(bind.target)]
        arguments += ["--proc", "/proc", "--dev", "/dev", "--ro-bind", str(start.folder.devices), "/dev/disk"]
        arguments += ["--chdir", "/", "--", *(start.command or init_command(PROGRAMS_INSIDE))]
        return _start_and_learn_pid(arguments, start, read, write)


class UnshareLauncher:
    """Namespaces created by util-linux' unshare, with mounts set up by `enter_namespace.py`."""

    def __init__(self, program: str) -> None:
        self._program = program

    def start(self, start: HostStart, view: View | None, uid: int | None) -> HostProcesses:
        if view is None or uid is not None:
            raise HostStartError("a host in namespaces needs a view, and no other user")
        read, write = os.pipe()
        spec = {
            "root": str(start.folder.root),
            "devices": str(start.folder.devices),
            "binds": [(str(bind.source), str(bind.target), bind.writable) for bind in view.binds],
            "hostname": start.hostname,
            "info_fd": write,
            "command": start.command or init_command(PROGRAMS_INSIDE),
        }
        arguments = [
            self._program,
            "--user",
            "--map-root-user",
            "--mount",
            "--pid",
            "--ipc",
            "--uts",
            "--fork",
        ]
        arguments += ["--kill-child", "--", sys.executable, "-I", "-S"]
        arguments += [str(Path(__file__).with_name("enter_namespace.py")), json.dumps(spec)]
        return _start_and_learn_pid(arguments, start, read, write)


class PlainLauncher:
    """No namespaces: the init is an ordinary process, of the user `uid` if given."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs

    def start(self, start: HostStart, view: View | None, uid: int | None) -> HostProcesses:
        if view is not None or (os.geteuid() == 0 and uid is None):
            raise HostStartError("a plain host has no view of its own, and never runs as root")
        command = start.command or init_command(self._programs)
        process = _start(list(command), start, uid=uid, cwd=str(start.folder.root))
        identity = ProcessIdentity.of(process.pid)
        return HostProcesses(identity, identity, process)


def _start(
    arguments: list[str],
    start: HostStart,
    *,
    uid: int | None = None,
    cwd: str = "/",
    keep: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            arguments,
            env=dict(start.environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=start.console,
            stderr=start.console,
            start_new_session=True,
            pass_fds=keep,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            umask=0o022,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise HostStartError(f"cannot start {arguments[0]}: {error}") from error


def _start_and_learn_pid(arguments: list[str], start: HostStart, read: int, write: int) -> HostProcesses:
    """Start the process and read `{"child-pid": n}` from the pipe; closes both of its ends."""
    with os.fdopen(read, "rb") as info:
        try:
            process = _start(arguments, start, keep=(write,))
        finally:
            os.close(write)
        told = _read_object(info, time.monotonic() + _START_SECONDS)
        try:
            child = int(json.loads(told)["child-pid"])
        except (ValueError, KeyError) as error:
            process.kill()
            process.wait()
            raise HostStartError(f"{arguments[0]} did not start the host") from error
    return HostProcesses(ProcessIdentity.of(process.pid), _identity_of(child), process)


def _identity_of(pid: int) -> ProcessIdentity:
    try:
        return ProcessIdentity.of(pid)
    except ProcessLookupError:  # already ended
        return ProcessIdentity(pid, -1)


def _read_object(info: IO[bytes], deadline: float) -> bytes:
    """Read until the closing brace, end of file, or the deadline."""
    import select

    told = b""
    while b"}" not in told:
        ready, _, _ = select.select([info], [], [], max(deadline - time.monotonic(), 0))
        part = os.read(info.fileno(), 4096) if ready else b""
        if not part:
            break
        told += part
    return told
