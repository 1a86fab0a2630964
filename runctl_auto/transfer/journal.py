"""The journal of one file on its way: what has arrived, so that a killed command goes on where it was.

One file of JSON lines that is only ever appended to. A line that was cut off by a crash counts as not
written; a part without a line counts as not moved, unless the store lists it. The lock on the file is held by
the command that moves the file.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from runctl_auto.errors import TransferRunningError
from runctl_auto.local.file_lock import take


@dataclass(frozen=True, kw_only=True)
class DonePart:
    """A part that arrived. ``crc64`` is the CRC64NVME of its bytes, ``etag`` the store's name for it."""

    number: int
    size: int
    crc64: str
    etag: str = ""


@dataclass
class Journal:
    """The journal at ``path``, held by this process. ``facts`` identify what is moved and how."""

    path: Path
    facts: dict[str, Any]
    upload: str | None = None
    parts: dict[int, DonePart] = field(default_factory=dict)
    _stream: IO[str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begun(self, upload: str) -> None:
        """Notes the id of the upload, before its first part is sent."""
        self.upload = upload
        self._append({"upload": upload})

    def arrived(self, part: DonePart) -> None:
        """Notes a part. Thread-safe."""
        with self._lock:
            self.parts[part.number] = part
            self._append({"part": part.number, "size": part.size, "crc64": part.crc64, "etag": part.etag})

    def start_over(self, facts: dict[str, Any]) -> None:
        """Forgets all that was noted; ``facts`` are those of what is moved now."""
        self.facts, self.upload, self.parts = facts, None, {}
        stream = self._opened()
        if os.fstat(stream.fileno()).st_size:
            stream.seek(0)
            stream.truncate()
        self._append(facts)

    def close(self) -> None:
        """Releases the journal, which stays for the next command. Idempotent."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def remove(self) -> None:
        """Removes the journal: nothing is on its way any more. Idempotent."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _append(self, line: dict[str, Any]) -> None:
        stream = self._opened()
        stream.write(json.dumps(line) + "\n")
        stream.flush()

    def _opened(self) -> IO[str]:
        assert self._stream is not None, "the journal was released"  # noqa: S101
        return self._stream


def open_journal(path: Path) -> Journal:
    """The journal at ``path``, which need not exist; its ``facts`` are empty then.

    Raises ``TransferRunningError`` when another command holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        stream = path.open("a+", encoding="utf-8")
        if not take(stream):
            stream.close()
            raise TransferRunningError(
                "Another command is transferring the same file.",
                where={"journal": str(path)},
                next_step="Wait until it has ended, then repeat.",
            )
        if path.exists() and path.stat().st_ino == _inode(stream):
            break
        stream.close()  # its last holder removed it between the opening and the lock
    stream.seek(0)
    whole, newline, _ = stream.read().rpartition("\n")
    kept = len((whole + newline).encode())
    if os.fstat(stream.fileno()).st_size != kept:
        stream.truncate(kept)
    journal = _parsed(path, whole)
    journal._stream = stream
    return journal


def _inode(stream: IO[str]) -> int:
    return os.fstat(stream.fileno()).st_ino


def _parsed(path: Path, whole: str) -> Journal:
    journal = Journal(path, {})
    for number, line in enumerate(whole.split("\n") if whole else ()):
        try:
            found = json.loads(line)
        except ValueError:
            break
        if not isinstance(found, dict):
            break
        if number == 0:
            journal.facts = found
        elif "upload" in found:
            journal.upload = str(found["upload"])
        elif "part" in found:
            part = DonePart(
                number=int(found["part"]),
                size=int(found["size"]),
                crc64=str(found["crc64"]),
                etag=str(found.get("etag", "")),
            )
            journal.parts[part.number] = part
    return journal
