"""Files that several machines write only when nobody else has written them meanwhile (compare and swap).

A bucket compares the ETag itself. A folder has no such call; what it has, also over NFS, is that of several
that make a hard link of one name, one succeeds. So a versioned file is a folder of numbered files, the one
with the highest number counts, and to write is to make the next number. Locks of the system are not used.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

_SUFFIX = ".json"
_TEMPORARY = ".tmp"
_LARGEST_BYTES = 65_536
_FORGOTTEN_SECONDS = 86_400.0
"""A temporary file that is so much older than one made now belongs to nobody."""


@dataclass(frozen=True, kw_only=True)
class Versioned:
    """The content of a versioned file; ``version`` changes with every write."""

    content: bytes
    version: str


class VersionedFiles(Protocol):
    """Versioned files by path with slashes. Every call blocks and raises ``OSError`` or ``CloudError``."""

    def read_version(self, path: str) -> Versioned | None:
        """The file as it is; None when it does not exist."""

    def write_version(self, path: str, content: bytes, version: str | None) -> str | None:
        """Writes the file if its version is still ``version``, None: if it does not exist.

        The new version; None when somebody else has written it. ``content`` must differ from everything that
        was ever written there: a writer whose answer was lost recognizes its own by it.
        """

    def versioned(self, folder: str) -> dict[str, datetime]:
        """The versioned files in ``folder`` by path, with the last write by the backend's own clock."""


@dataclass(frozen=True)
class FolderVersions:
    """Versioned files in folders below ``root``, the ``.pulumi`` of a backend."""

    root: Path

    def read_version(self, path: str) -> Versioned | None:
        folder = self.root / path
        while True:
            number = _newest(folder)
            if number == 0:
                return None
            with suppress(FileNotFoundError):  # written anew meanwhile
                return Versioned(content=_read(folder / _name(number)), version=str(number))

    def write_version(self, path: str, content: bytes, version: str | None) -> str | None:
        folder = self.root / path
        expected = 0 if version is None else int(version)
        self._make(folder)
        # Made before the folder is read: over NFS that also ends what the client remembers of the folder.
        temporary = folder / f"{uuid.uuid4().hex}{_TEMPORARY}"
        _create(temporary, content)
        try:
            if _newest(folder) != expected or not _link(temporary, folder / _name(expected + 1), content):
                return None
            if _newest(folder) != expected + 1:  # the number was free again, since others are far beyond it
                (folder / _name(expected + 1)).unlink(missing_ok=True)
                return None
            _clear(folder, expected, temporary)
        finally:
            temporary.unlink(missing_ok=True)
        return str(expected + 1)

    def _make(self, folder: Path) -> None:
        """The folder in a backend that exists: one whose disk is not mounted is not made anew."""
        if not self.root.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.root.parent))
        folder.mkdir(parents=True, exist_ok=True)

    def versioned(self, folder: str) -> dict[str, datetime]:
        try:
            entries = sorted((self.root / folder).iterdir())
        except FileNotFoundError:
            return {}
        return {
            f"{folder}/{each.name}": datetime.fromtimestamp(each.lstat().st_mtime, tz=timezone.utc)
            for each in entries
        }


def _name(number: int) -> str:
    return f"{number:012d}{_SUFFIX}"


def _numbers(folder: Path) -> Iterator[int]:
    try:
        entries = [each.name for each in folder.iterdir()]
    except FileNotFoundError:
        return
    for entry in entries:
        stem, suffix = entry[: -len(_SUFFIX)], entry[-len(_SUFFIX) :]
        if suffix == _SUFFIX and stem.isdigit():
            yield int(stem)


def _newest(folder: Path) -> int:
    """The highest number; 0 without any. It never becomes lower: only lower ones are removed."""
    return max(_numbers(folder), default=0)


def _create(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "wb") as stream:
        stream.write(content)


def _read(path: Path) -> bytes:
    """The content. A link or a pipe that somebody planted is an OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(f"{path} is not a regular file")
        return stream.read(_LARGEST_BYTES)


def _link(temporary: Path, target: Path, content: bytes) -> bool:
    """Gives the file its number; False when somebody else has it."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return temporary.stat().st_nlink == 2  # NFS repeats a request whose answer was lost
    except FileNotFoundError:
        return False
    except OSError:  # no hard links there
        try:
            _create(target, content)
        except FileExistsError:
            return False
    return True


def _clear(folder: Path, below: int, mine: Path) -> None:
    """Removes older numbers, and temporary files that killed commands left."""
    for number in _numbers(folder):
        if number < below:
            (folder / _name(number)).unlink(missing_ok=True)
    now = mine.stat().st_mtime  # both times are of the clock of the file system
    for each in folder.glob(f"*{_TEMPORARY}"):
        with suppress(FileNotFoundError):
            if now - each.stat().st_mtime > _FORGOTTEN_SECONDS:
                each.unlink()
