"""Versioned files in memory, whose calls fail in every way that a network makes them fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal

from runctl_auto.backend.versions import Versioned
from runctl_auto.errors import UnreachableError

Trouble = Literal["none", "refused", "answer-lost", "late"]


@dataclass
class VersionedInMemory:
    """``trouble`` meets the next write: it does not arrive, its answer is lost, or it arrives with
    ``deliver``, after its caller was told that it failed."""

    files: dict[str, Versioned] = field(default_factory=dict)
    trouble: Trouble = "none"
    late: list[Callable[[], object]] = field(default_factory=list)
    _count: int = 0

    def read_version(self, path: str) -> Versioned | None:
        return self.files.get(path)

    def write_version(self, path: str, content: bytes, version: str | None) -> str | None:
        trouble, self.trouble = self.trouble, "none"
        if trouble == "late":
            self.late.append(lambda: self._write(path, content, version))
        if trouble in ("late", "refused"):
            raise UnreachableError("no answer")
        written = self._write(path, content, version)
        if trouble == "answer-lost":
            raise UnreachableError("no answer")
        return written

    def versioned(self, folder: str) -> dict[str, datetime]:
        return {path: datetime.now(timezone.utc) for path in self.files if path.startswith(f"{folder}/")}

    def deliver(self) -> None:
        """What was under way arrives."""
        for each in self.late:
            each()
        self.late.clear()

    def _write(self, path: str, content: bytes, version: str | None) -> str | None:
        held = self.files.get(path)
        if (held.version if held is not None else None) != version:
            return None
        self._count += 1
        self.files[path] = Versioned(content=content, version=f"v{self._count}")
        return self.files[path].version
