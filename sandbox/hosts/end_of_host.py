"""Ends the processes of a recorded host at once, as when the power goes."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from sandbox.hosts.host_store import HostRecord
from sandbox.hosts.launch import HOST_MARK
from sandbox.hosts.process_identity import kill_user, processes_marked


def end_processes(record: HostRecord) -> None:
    """Blocks until nothing of the host runs, for some seconds at most. Ended hosts may be ended again."""
    for identity in (record.init, record.outer):
        if identity:
            identity.kill()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(identity.pid, os.WNOHANG)
    if record.uid is not None:
        kill_user(record.uid)
    elif record.plain:
        _kill_marked(f"{HOST_MARK}={record.id}")


def _kill_marked(mark: str) -> None:
    for _ in range(50):
        found = processes_marked(mark)
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
