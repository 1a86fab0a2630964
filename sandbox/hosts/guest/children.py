"""Child processes of the init: started in their own sessions, reaped in one place."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CANNOT_EXECUTE = 203
"""systemd's exit code for a main process whose program cannot be executed."""


@dataclass(frozen=True)
class Child:
    pid: int
    ended: asyncio.Future[int]
    """Exit code, or the negative number of the signal that terminated it."""


class Children:
    """Starts processes and resolves their futures; call `reap` on SIGCHLD, which also collects orphans."""

    def __init__(self) -> None:
        self._running: dict[int, tuple[subprocess.Popen[bytes], asyncio.Future[int]]] = {}

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: str,
        stdout: int,
        stderr: int,
        umask: int = 0o022,
    ) -> Child:
        """Start a process in its own session. Raises OSError when the program cannot be executed."""
        process = subprocess.Popen(
            list(arguments),
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            umask=umask,
        )
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._running[process.pid] = (process, ended)
        return Child(process.pid, ended)

    def reap(self) -> None:
        """Collect all ended children, started here or inherited."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._finish(pid, os.waitstatus_to_exitcode(status))

    def _finish(self, pid: int, code: int) -> None:
        process, ended = self._running.pop(pid, (None, None))
        if process is not None:
            process.returncode = code  # else subprocess would wait for a pid that may have been reused
        if ended is not None and not ended.done():
            ended.set_result(code)
