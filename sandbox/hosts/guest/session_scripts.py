"""Runs the scripts that Run Command sends: in a session of their own, with a limit of time, cancelled as
amazon-ssm-agent does: the whole process group is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 64 * 1024
"""More of each stream is not kept: the service cuts it shorter still."""
_KILLED = 137


@dataclass(frozen=True)
class Ended:
    """How a script ended: the status of its invocation, its code and the beginning of its output."""

    status: str
    code: int
    out: str
    error: str


class Scripts:
    """The scripts that run. `run` blocks; `cancel` may be called from another thread."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def run(self, command: str, script: str, seconds: float, folder: str | None) -> Ended:
        with tempfile.TemporaryDirectory(prefix="ssm-") as made:
            file = Path(made) / "_script.sh"
            file.write_text(script)
            out, error = Path(made) / "stdout", Path(made) / "stderr"
            with out.open("wb") as stdout, error.open("wb") as stderr:
                try:
                    process = subprocess.Popen(
                        ["sh", str(file)],
                        cwd=folder or "/",
                        stdin=subprocess.DEVNULL,
                        stdout=stdout,
                        stderr=stderr,
                        start_new_session=True,
                    )
                except OSError as failure:
                    return Ended("Failed", 1, "", f"{failure}\n")
            with self._lock:
                self._running[command] = process
                if command in self._cancelled:
                    _kill(process)
            status = self._status(command, process, seconds)
            return Ended(status, _code(process.returncode), _beginning(out), _beginning(error))

    def cancel(self, command: str) -> None:
        with self._lock:
            self._cancelled.add(command)
            process = self._running.get(command)
            if process is not None:
                _kill(process)

    def _status(self, command: str, process: subprocess.Popen[bytes], seconds: float) -> str:
        late = False
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            late = True
            _kill(process)
            process.wait()
        with self._lock:
            del self._running[command]
            if command in self._cancelled:
                return "Cancelled"
        if late:
            return "TimedOut"
        return "Success" if process.returncode == 0 else "Failed"


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _code(returncode: int) -> int:
    return _KILLED if returncode < 0 else returncode


def _beginning(file: Path) -> str:
    with file.open("rb") as written:
        return written.read(MOST_BYTES).decode("utf-8", "replace")
