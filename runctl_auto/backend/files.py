"""The files of a backend: what reading them needs, and a folder (``file://``) that provides it.

The objects of a bucket provide the same; they come from the providers' layer (``OpenObjects``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from runctl_auto.backend.versions import FolderVersions, VersionedFiles
from runctl_auto.errors import CloudError, NotSupportedError

ROOT = ".pulumi"
"""The folder of the backend in which Pulumi keeps everything."""

_ATTRIBUTES = ".attrs"
"""Pulumi keeps the attributes of a file in a second file of this suffix; objects have them in the service."""


WRITTEN_LATELY_SECONDS = 2.0
"""Times of a file system advance in steps: a file of this age could be written again unseen."""


@dataclass(frozen=True)
class StoredFile:
    """A file of a backend. ``path`` is below ``.pulumi``, with slashes; ``written_at`` is in UTC.

    ``mark`` is another one after every write of the file; empty where that cannot be told yet.
    """

    path: str
    written_at: datetime
    mark: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class BackendFiles(VersionedFiles, Protocol):
    """Files below the backend's ``.pulumi``, by path with slashes.

    Every call blocks and raises ``OSError`` or ``CloudError``, except as its docstring says.
    """

    def find(self, folder: str, prefix: str = "") -> tuple[StoredFile, ...]:
        """The files in ``folder`` at any depth, sorted by path; empty when there is no such folder.

        ``prefix`` limits them to those whose path in ``folder`` begins with it.
        """

    def read(self, path: str) -> bytes | None:
        """The content of a file; None when it does not exist."""

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """The contents in the order of ``paths``; None for each file that is absent or cannot be read."""

    def write(self, path: str, content: bytes) -> None:
        """Writes a file: whole or not at all. An earlier one is replaced."""

    def remove(self, path: str) -> None:
        """Removes a file. Idempotent."""

    def address(self, path: str) -> str:
        """Where a file is, as people know it. Asks nobody."""


OpenObjects = Callable[[str], BackendFiles]
"""Opens an ``s3://`` URL. Raises ``NotSupportedError`` for options of the URL that it does not know."""


@dataclass(frozen=True)
class FolderFiles(FolderVersions):
    """Files below ``root``, the ``.pulumi`` of a ``file://`` backend."""

    now: Callable[[], float] = time.time

    def find(self, folder: str, prefix: str = "") -> tuple[StoredFile, ...]:
        return tuple(sorted(self._below(folder, f"{folder}/{prefix}"), key=lambda each: each.path))

    def _below(self, folder: str, start: str) -> Iterator[StoredFile]:
        try:
            entries = os.scandir(self.root / folder)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if entry.is_dir():
                    yield from self._below(path, start)
                elif path.startswith(start) and not entry.name.endswith(_ATTRIBUTES):
                    yield from _stored(path, entry, self.now)

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        for path in paths:
            try:
                yield (self.root / path).read_bytes()
            except OSError:
                yield None

    def write(self, path: str, content: bytes) -> None:
        # A link is replaced: in a folder that several people share, it could lead anywhere.
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.{uuid4().hex}.tmp")
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)
        (self.root / f"{path}{_ATTRIBUTES}").unlink(missing_ok=True)

    def address(self, path: str) -> str:
        return str(self.root / path)


def _stored(path: str, entry: os.DirEntry[str], now: Callable[[], float]) -> Iterator[StoredFile]:
    try:
        status = entry.stat()
    except FileNotFoundError:  # a temporary file, which has got its name meanwhile
        return
    yield StoredFile(path, datetime.fromtimestamp(status.st_mtime, tz=timezone.utc), _mark(status, now))


def _mark(status: os.stat_result, now: Callable[[], float]) -> str:
    if now() - status.st_ctime < WRITTEN_LATELY_SECONDS:
        return ""
    return f"{status.st_mtime_ns}/{status.st_ctime_ns}/{status.st_size}/{status.st_ino}"


def backend_folder(url: str) -> Path | None:
    """The folder that a ``file://`` backend is; None for others, and for one relative to who reads it."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        return None
    return Path(unquote(parts.path))


def open_files(url: str, open_objects: OpenObjects | None) -> BackendFiles:
    """The files of the backend of this URL; without ``open_objects`` a folder's only.

    Raises ``NotSupportedError`` when only an engine can read it.
    """
    folder = backend_folder(url)
    if folder is not None:
        return FolderFiles(folder / ROOT)
    scheme = urlsplit(url).scheme
    if scheme == "s3" and open_objects is not None:
        return open_objects(url)
    raise NotSupportedError(
        f"A backend at {scheme}:// cannot be read without its engine.",
        where={"backend": url},
    )


UNREADABLE = (OSError, CloudError, ValueError, LookupError, AttributeError, TypeError, OverflowError)
"""What is raised when files cannot be read, or hold something else than expected."""
