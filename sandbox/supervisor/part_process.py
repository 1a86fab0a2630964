"""One process under the supervisor: started, monitored until ready, ended."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.supervisor.process_identity import identify
from sandbox.supervisor.record import Part

_LOG_TAIL = 2000
_KEPT = frozenset(
    {
        *("HOME", "LOGNAME", "PATH", "RUNCTL_SANDBOX_ISOLATION", "TMPDIR", "TZ", "USER"),
        *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME"),
    }
)
"""All that a process of the sandbox keeps of the caller's environment, which any program of the same user can
read for as long as the process runs."""

Keeps = Callable[[str], bool]


@dataclass(frozen=True)
class Command:
    """How a part is started. `inherited` are the file descriptors passed to it."""

    name: str
    arguments: Sequence[str]
    ready_file: Path
    log: Path
    environment: dict[str, str]
    inherited: tuple[int, ...] = ()


class PartProcess:
    """A running part; created by `start`."""

    def __init__(self, command: Command, process: "subprocess.Popen[bytes]", restarts: int) -> None:
        self.command = command
        self.restarts = restarts
        self.began = time.monotonic()
        self._process = process

    @classmethod
    def start(cls, command: Command, restarts: int = 0) -> "PartProcess":
        command.ready_file.unlink(missing_ok=True)
        with command.log.open("ab") as log:
            process = subprocess.Popen(
                command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=command.log.parent,
                env=command.environment,
                pass_fds=command.inherited,
            )
        return cls(command, process, restarts)

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code (negative: terminated by that signal); None while it is running."""
        return self._process.poll()

    def readiness(self) -> dict[str, Any] | None:
        """The contents of the part's ready file; None until it is ready."""
        try:
            content = json.loads(self.command.ready_file.read_text())
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def as_record(self) -> Part:
        identity = identify(self.pid)
        port = (self.readiness() or {}).get("port")
        return Part(self.pid, identity.started if identity else "", port, self.restarts)

    def ask_to_end(self) -> None:
        if self.exit_code is None:
            self._process.terminate()

    def end(self, patience: float) -> bool:
        """Wait at most `patience` seconds for its end, then kill it; True when it exited with code 0."""
        try:
            return self._process.wait(patience) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False

    def last_words(self) -> str:
        """The end of its log."""
        try:
            return self.command.log.read_text(errors="replace")[-_LOG_TAIL:].strip()
        except OSError:
            return ""


def keeps_nothing(name: str) -> bool:  # noqa: ARG001
    """Keeps no variable beyond those of every process."""
    return False


def clean_environment(additions: dict[str, str], keeps: Keeps = keeps_nothing) -> dict[str, str]:
    """The few variables of the caller that every process needs, those that `keeps` names, and `additions`."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or keeps(name)}
    return {**kept, **additions}
