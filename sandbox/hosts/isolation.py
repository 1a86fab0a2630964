"""Detects, by trying, which isolation of hosts this machine supports.

`namespaces`: a host sees its own folder and read-only parts of the machine, and its own processes, and has no
capabilities. It shares the machine's network, clock, memory, CPUs and disk space, without limits.

`plain`: no namespaces. A host runs as a dedicated unprivileged user (when root started the sandbox), or as
the caller. Only file modes protect the machine: a host can read world-readable files, write to world-writable
folders (such as /tmp), and see other processes. As the caller, it can also change the caller's files and kill
the caller's processes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.hosts.binds import PROGRAMS_INSIDE, make_mount_points, view_of
from sandbox.hosts.host_folder import HostFolder, make_host_folder, remove_tree
from sandbox.hosts.interpreter import Interpreter
from sandbox.hosts.launch import (
    BubblewrapLauncher,
    HostProcesses,
    HostStart,
    HostStartError,
    Launcher,
    UnshareLauncher,
)

SWITCH = "RUNCTL_SANDBOX_ISOLATION"
_PROBE_SECONDS = 10.0
_PROBE = """
import os, sys
for path in ("/usr/runctl-probe", "/.host/runctl-probe"):
    try:
        open(path, "w").close()
    except OSError:
        continue
    sys.exit(f"could write to {path}")
open("/data-probe", "w").close()
if os.getpid() != 1 or os.geteuid() != 0:
    sys.exit("not the first process, or not root in the namespace")
if int([line for line in open("/proc/self/status") if line.startswith("CapEff")][0].split()[1], 16):
    sys.exit("still holds capabilities")
"""


class IsolationError(Exception):
    """The requested isolation is not available on this machine. The message says why."""


@dataclass(frozen=True)
class Isolation:
    """`kind` is `namespaces` or `plain`; `reason` is a message: how, or why `namespaces` is unavailable."""

    kind: str
    reason: str
    launcher: Launcher | None = None


def choose_isolation(
    environment: Mapping[str, str],
    programs: Path,
    interpreter: Interpreter,
    extra_folders: tuple[Path, ...] = (),
) -> Isolation:
    """Try the options in order. Raises IsolationError for an invalid or unavailable RUNCTL_SANDBOX_ISOLATION.

    `programs` is the programs folder, built for its path inside namespaces.
    """
    wish = environment.get(SWITCH, "auto")
    if wish not in ("auto", "namespaces", "plain"):
        raise IsolationError(f"{SWITCH}={wish} is not known; use auto, namespaces or plain")
    if wish == "plain":
        return Isolation("plain", f"{SWITCH}=plain; {what_plain_leaves_open()}")
    failures = []
    for name, candidate in _candidates(environment.get("PATH", os.defpath)):
        problem = _try_out(candidate, programs, interpreter, extra_folders)
        if problem is None:
            return Isolation("namespaces", f"by {name}", candidate)
        failures.append(f"{name}: {problem}")
    why = "; ".join(failures) or "neither bubblewrap (bwrap) nor unshare is installed"
    if wish == "namespaces":
        raise IsolationError(f"{SWITCH}=namespaces, but this machine does not allow it: {why}")
    return Isolation("plain", f"no namespaces ({why}); {what_plain_leaves_open()}")


def what_plain_leaves_open() -> str:
    """One sentence for `sandbox status` and `doctor`."""
    if os.geteuid() == 0:
        return (
            "hosts run as throwaway users: they can read what everybody may read, write where everybody may "
            "write, and see other processes"
        )
    return "hosts run as you: programs on them could change your files and end your processes"


def _candidates(path: str) -> list[tuple[str, Launcher]]:
    found: list[tuple[str, Launcher]] = []
    if bwrap := shutil.which("bwrap", path=path):
        found.append(("bubblewrap", BubblewrapLauncher(bwrap, _bubblewrap_options(bwrap))))
    if unshare := shutil.which("unshare", path=path):
        found.append(("unshare", UnshareLauncher(unshare)))
    return found


def _bubblewrap_options(bwrap: str) -> tuple[str, ...]:
    """Options that only newer versions support."""
    try:
        told = subprocess.run([bwrap, "--help"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ()
    return ("--disable-userns",) if "--disable-userns" in told.stdout + told.stderr else ()


def _try_out(
    launcher: Launcher, programs: Path, interpreter: Interpreter, extra_folders: tuple[Path, ...]
) -> str | None:
    """Start a small host that tests its own isolation; returns the problem, or None."""
    place = Path(tempfile.mkdtemp(prefix="runctl-probe-", dir=programs.parent))
    console = place / "console"
    try:
        folder = HostFolder(place / "host")
        make_host_folder(folder, hostname="probe", pip_files={}, linked=False)
        view = view_of(folder, programs, interpreter, extra_folders)
        make_mount_points(folder, view)
        command = (str(PROGRAMS_INSIDE / "bin/python3"), "-I", "-S", "-c", _PROBE)
        with console.open("wb") as output:
            start = HostStart(folder, "probe", {"PATH": "/usr/bin:/bin"}, output.fileno(), command)
            problem = _run(lambda: launcher.start(start, view, None))
        return _last_line(console) or problem
    finally:
        remove_tree(place)


def _run(start: Callable[[], HostProcesses]) -> str | None:
    import time

    try:
        processes = start()
    except HostStartError as error:
        return str(error)
    pid = processes.outer.pid
    deadline = time.monotonic() + _PROBE_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return None if code == 0 else f"ended with {code}"
        time.sleep(0.005)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return f"no answer within {_PROBE_SECONDS:.0f} s"


def _last_line(console: Path) -> str | None:
    lines = console.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else None
