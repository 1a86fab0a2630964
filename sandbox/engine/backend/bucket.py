"""Files of a backend under one folder, written so that a crash leaves the old content or the new.

Beside each file lies `<file>.attrs`, as Go's file blobs have it, so that other tools can open the folder.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

ATTRIBUTES = ".attrs"
_counter = itertools.count()


class Bucket:
    """Keys are paths relative to the folder, with `/`. Raises OSError as the file system does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self.folder / key

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return self.path(key).is_file()

    def read(self, key: str) -> bytes:
        """The content. Raises FileNotFoundError."""
        return self.path(key).read_bytes()

    def write(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Replaces the file atomically; with `durable` it has reached the disk on return."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._replace(Path(f"{target}{ATTRIBUTES}"), _attributes(content), durable=False)
        self._replace(target, content, durable=durable)

    def copy(self, source: str, destination: str) -> None:
        """Copies a file with its attributes; the copy appears whole."""
        target = self.path(destination)
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (ATTRIBUTES, ""):
            origin = Path(f"{self.path(source)}{suffix}")
            if origin.exists():
                temporary = _temporary(target)
                shutil.copyfile(origin, temporary)
                temporary.replace(f"{target}{suffix}")

    def keep_as(self, source: str, destination: str) -> None:
        """Lets `destination` be the present content of `source` without copying it: files are replaced,
        never changed in place."""
        target = self.path(destination)
        for suffix in (ATTRIBUTES, ""):
            temporary = _temporary(target)
            try:
                os.link(f"{self.path(source)}{suffix}", temporary)
            except FileNotFoundError:
                continue
            except OSError:
                self.copy(source, destination)
                return
            temporary.replace(f"{target}{suffix}")

    def delete(self, key: str) -> None:
        """Removes a file and its attributes; one that is not there is no error."""
        self.path(key).unlink(missing_ok=True)
        Path(f"{self.path(key)}{ATTRIBUTES}").unlink(missing_ok=True)

    def delete_tree(self, prefix: str) -> None:
        """Removes a folder with all that is in it; one that is not there is no error."""
        folder = self.path(prefix)
        if folder.exists():
            shutil.rmtree(folder)

    def names(self, prefix: str) -> list[str]:
        """The names of the files directly in a folder, sorted, without attributes and temporary files."""
        return sorted(entry.name for entry in self._entries(prefix) if entry.is_file())

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders in a folder, sorted."""
        return sorted(entry.name for entry in self._entries(prefix) if entry.is_dir())

    def _entries(self, prefix: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.path(prefix)) as entries:
                for entry in entries:
                    if not entry.name.endswith((ATTRIBUTES, ".tmp")):
                        yield entry
        except FileNotFoundError:
            return

    def _replace(self, target: Path, content: bytes, *, durable: bool) -> None:
        temporary = _temporary(target)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            _sync_folder(target.parent)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.{next(_counter)}.tmp")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _attributes(content: bytes) -> bytes:
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    attributes = {
        "user.cache_control": "",
        "user.content_disposition": "",
        "user.content_encoding": "",
        "user.content_language": "",
        "user.content_type": "text/plain; charset=utf-8",
        "user.metadata": None,
        "md5": digest,
    }
    return json.dumps(attributes, separators=(",", ":")).encode() + b"\n"
