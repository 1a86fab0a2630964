"""The folder of one job on this machine, and the lock that tells whether its agent lives."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runctl_auto.agent.start.config import write_private

MARK: Final = "RUNCTL_LOCAL_FOLDER"
"""The variable of every process of a job: the job's folder."""
_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True)
class JobFolder:
    """Everything of a job lies below ``path``; the folder's name is the job's."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def record(self) -> Path:
        """What the agent is started with: ``AgentRecord``."""
        return self.path / "agent.json"

    @property
    def turn(self) -> Path:
        """The job's place in the queue: ``Turn``."""
        return self.path / "turn.json"

    @property
    def begun(self) -> Path:
        """The number of the turn that an agent has taken up."""
        return self.path / "begun"

    @property
    def process(self) -> Path:
        """The agent's own process: ``AgentProcess``."""
        return self.path / "process.json"

    @property
    def lock(self) -> Path:
        """Held by the agent from its start to its end, whatever ends it."""
        return self.path / "agent.lock"

    @property
    def console(self) -> Path:
        """What the agent itself prints."""
        return self.path / "agent.log"

    @property
    def store(self) -> Path:
        """The objects that are in the bucket elsewhere: code, spec, status, logs, checkpoints, artifacts."""
        return self.path / "store"

    @property
    def temporary(self) -> Path:
        """Temporary files of the job."""
        return self.path / "tmp"

    def run(self, run: str) -> Path:
        """Paths of one run: its work folder, its output, what a restarted agent needs."""
        return self.path / "runs" / run

    def job_record(self, run: str) -> Path:
        """The sessions of the job's processes, as the agent keeps them."""
        return self.run(run) / "job.json"

    def agent_lives(self) -> bool:
        """Whether an agent holds the lock. Any number of processes may ask at once."""
        try:
            descriptor = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def take_lock(self, sleep: Callable[[float], object] = time.sleep) -> int | None:
        """The descriptor that holds the lock, for the agent that is started; None when another holds it."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        for attempt in range(_TRIES):
            if attempt:
                sleep(_PAUSE_SECONDS)  # whoever only asks holds it for a moment
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            return descriptor
        os.close(descriptor)
        return None


def is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one at ``path``: it may be gone by the time that it is locked."""
    try:
        now, held = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None when there is none, or it is no object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replaces the file, whole or not at all, readable by its owner only."""
    write_private(path, json.dumps(value, sort_keys=True))


@dataclass(frozen=True)
class AgentProcess:
    """The agent's process: its ``identity`` as a machine of the run, and when it began (epoch seconds)."""

    identity: str
    pid: int
    began_at: float

    @classmethod
    def of(cls, folder: JobFolder) -> AgentProcess | None:
        """As the agent wrote it, whether it lives or not; None without a word of it."""
        found = read_json(folder.process)
        try:
            return (
                None if found is None else cls(str(found["id"]), int(found["pid"]), float(found["began_at"]))
            )
        except (KeyError, TypeError, ValueError):
            return None

    def write(self, folder: JobFolder) -> None:
        write_json(folder.process, {"id": self.identity, "pid": self.pid, "began_at": self.began_at})
