"""`sandbox.json`: the process ids and ports of a folder's sandbox."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox.supervisor.process_identity import ProcessIdentity

STARTING = "starting"
READY = "ready"
FAILED = "failed"
ENDED = "ended"


@dataclass(frozen=True)
class Part:
    """One process of the sandbox. `restarts` counts its restarts."""

    pid: int
    started: str
    port: int | None = None
    restarts: int = 0

    @property
    def identity(self) -> ProcessIdentity:
        return ProcessIdentity(self.pid, self.started)


@dataclass(frozen=True)
class Record:
    """The supervisor's record of itself and its parts; only the supervisor writes it."""

    phase: str
    supervisor: Part
    cloud_id: str = ""
    cloud_url: str = ""
    isolation: str = ""
    isolation_reason: str = ""
    message: str = ""
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return self.supervisor.identity.alive

    @property
    def parts_alive(self) -> bool:
        return all(part.identity.alive for part in self.parts.values())

    def with_part(self, name: str, part: Part) -> "Record":
        return replace(self, parts={**self.parts, name: part})


def record_file(folder: Path) -> Path:
    return folder / "sandbox.json"


def load(folder: Path) -> Record | None:
    """The record of a folder; None when it is missing or invalid."""
    try:
        content = json.loads(record_file(folder).read_text())
        return _record(content)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save(folder: Path, record: Record) -> None:
    write_whole(record_file(folder), json.dumps(asdict(record), indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write an owner-only file atomically: readers see the old or the new content."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


def _record(content: dict[str, Any]) -> Record:
    parts = {name: Part(**part) for name, part in content.pop("parts").items()}
    supervisor = Part(**content.pop("supervisor"))
    return Record(parts=parts, supervisor=supervisor, **content)
