"""Ending processes that were started for an operation."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

_GRACE_SECONDS = 5.0


def end_process(process: subprocess.Popen[str]) -> None:
    """Ends a process and its group: asked first, killed after some seconds. Blocking; never raises.

    The process must have been started in a session of its own.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()
