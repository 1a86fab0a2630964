"""Kills the processes of a recorded host immediately, as in a power failure."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from sandbox.hosts.host_store import HostRecord
from sandbox.hosts.launch import HOST_MARK
from sandbox.hosts.process_identity import processes_marked, processes_of_user

_LONGEST_SECONDS = 6.0


def cut_power(record: HostRecord) -> None:
    """SIGKILL the host's first process; does not wait."""
    for identity in (record.init, record.outer):
        if identity:
            identity.signal(signal.SIGKILL)


def end_processes(record: HostRecord) -> None:
    """Kill all processes of the host; blocks until they have ended, for a few seconds at most. Idempotent."""
    for identity in (record.init, record.outer):
        if identity:
            identity.kill()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(identity.pid, os.WNOHANG)
    if record.uid is not None:
        uid = record.uid
        _kill_until_none(lambda: processes_of_user(uid))
    elif record.plain:
        mark = f"{HOST_MARK}={record.mark}"
        _kill_until_none(lambda: processes_marked(mark))


def _kill_until_none(look: Callable[[], list[int]]) -> None:
    """SIGKILL what `look` finds until it finds nothing twice: a process in execve shows no mark."""
    deadline, empty = time.monotonic() + _LONGEST_SECONDS, 0
    while empty < 2 and time.monotonic() < deadline:
        found = look()
        empty = 0 if found else empty + 1
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
