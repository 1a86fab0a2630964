"""Processes that run a program or a policy pack, each in a session of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from .errors import LanguageHostError

FOLDER = Path(__file__).resolve().parent
GRACE_SECONDS = 2.0
"""From SIGTERM to SIGKILL."""


@dataclass(frozen=True)
class Command:
    """A task to run: ``task`` is what ``task.run`` takes, as plain data."""

    python: str
    folder: Path
    environment: Mapping[str, str]
    task: Mapping[str, Any]


class Running(Protocol):
    """A task that was started."""

    @property
    def stdout(self) -> BinaryIO: ...
    @property
    def stderr(self) -> BinaryIO: ...

    def wait(self) -> int:
        """The exit code, negative for a signal. Blocks until the process has ended; what it left in its
        process group is killed then."""

    def stop(self) -> None:
        """Ends the process and its group, by SIGTERM and after a moment by SIGKILL. Does not block, never
        raises, does nothing when the process has ended."""


class Processes(Protocol):
    """Starts tasks."""

    def start(self, command: Command) -> Running:
        """Starts a task. Raises ``LanguageHostError`` when it cannot be started."""

    def close(self) -> None:
        """Frees what starting needs. Tasks that still run are not stopped."""


class NewProcesses:
    """Starts each task with a new interpreter. ``lifeline`` is the reading end of the host's pipe."""

    def __init__(self, lifeline: int) -> None:
        self._lifeline = lifeline

    def start(self, command: Command) -> Running:
        """Starts a task. Raises ``LanguageHostError`` when the interpreter cannot be started."""
        settings = {"lifeline": self._lifeline, "task": dict(command.task)}
        try:
            process = subprocess.Popen(
                [command.python, "-u", str(FOLDER), "task", json.dumps(settings)],
                cwd=command.folder,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=(self._lifeline,),
            )
        except OSError as error:
            raise LanguageHostError(
                f"The program could not be started with {command.python} in {command.folder}: {error}",
                next_step="PULUMI_PYTHON_CMD and the runtime option `virtualenv` choose another Python.",
            ) from error
        return _NewProcess(process)

    def close(self) -> None:
        """Nothing is kept between tasks."""


class _NewProcess:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._stopping = threading.Lock()

    @property
    def stdout(self) -> BinaryIO:
        return _stream(self._process.stdout)

    @property
    def stderr(self) -> BinaryIO:
        return _stream(self._process.stderr)

    def wait(self) -> int:
        code = self._process.wait()
        self._signal(signal.SIGKILL)
        return code

    def stop(self) -> None:
        if self._process.poll() is None and self._stopping.acquire(blocking=False):
            self._signal(signal.SIGTERM)
            threading.Thread(target=self._kill_after_grace, daemon=True).start()

    def _kill_after_grace(self) -> None:
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _stream(stream: Any) -> BinaryIO:
    assert stream is not None  # noqa: S101 - opened as a pipe
    return stream  # type: ignore[no-any-return]
