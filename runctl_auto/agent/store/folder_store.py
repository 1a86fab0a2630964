"""The store in a local folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from runctl_auto.agent.errors import FileChangedError, IntegrityError, NotFoundError, StoreError
from runctl_auto.agent.store.time_limit import TimeLimit

CHUNK = 1024 * 1024
DRAFTS = ".drafts"


@dataclass(frozen=True)
class FolderStore:
    """A `Store` whose objects are files below `root`, which is created when needed.

    An object is written to a temporary file and renamed into place. Raises StoreError for a key that leads
    out of the folder, and for writing one that is a folder of other keys or lies below an object. Any process
    may read and write; only one may delete, since that removes folders which another may be about to use.
    """

    root: Path
    _folders: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def patient(self, seconds: float) -> FolderStore:  # noqa: ARG002 (a folder has no passing errors)
        return self

    def within(self, limit: TimeLimit) -> FolderStore:  # noqa: ARG002 (nobody takes the folder away)
        return self

    def get(self, key: str, at_most: int) -> bytes:
        with self._opened(key) as file:
            content = file.read(at_most + 1)
        if len(content) > at_most:
            raise IntegrityError(f"{key} is larger than {at_most} bytes")
        return content

    def find(self, key: str, at_most: int) -> bytes | None:
        try:
            return self.get(key, at_most)
        except NotFoundError:
            return None

    def put(self, key: str, data: bytes, content_type: str = "") -> None:  # noqa: ARG002 (files have none)
        self._write(key, lambda draft: draft.write(data))

    def put_new(self, key: str, data: bytes) -> bool:
        return self._write(key, lambda draft: draft.write(data), new=True)

    def delete(self, key: str) -> None:
        """Also removes folders that become empty."""
        path = self._path(key)
        if not path.is_file():
            return
        with self._folders, _writing(key):
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self.root or not _removed_when_empty(folder):
                    return

    def download(self, key: str, target: Path, at_most: int) -> str:
        digest, left = hashlib.sha256(), at_most
        with self._opened(key) as source, target.open("wb") as copy:
            while left > 0:
                chunk = source.read(min(CHUNK, left))
                if not chunk:
                    break
                digest.update(chunk)
                copy.write(chunk)
                left -= len(chunk)
        return digest.hexdigest()

    def upload(self, key: str, file: BinaryIO, size: int) -> str:
        digest = hashlib.sha256()

        def copy(draft: BinaryIO) -> None:
            position = 0
            while position < size:
                chunk = os.pread(file.fileno(), min(CHUNK, size - position), position)
                if not chunk:
                    raise FileChangedError(f"{file.name} became shorter while it was read")
                digest.update(chunk)
                draft.write(chunk)
                position += len(chunk)

        self._write(key, copy)
        return digest.hexdigest()

    def object_sizes(self, prefix: str) -> dict[str, int]:
        return dict(sorted(self._found(prefix)))

    def list_folders(self, prefix: str) -> list[str]:
        below = (key[len(prefix) :].split("/") for key, _ in self._found(prefix))
        return sorted({names[0] for names in below if len(names) > 1})

    def _found(self, prefix: str) -> Iterator[tuple[str, int]]:
        folder = prefix.rpartition("/")[0]
        start = self._path(folder) if folder else self.root
        for parent, folders, names in os.walk(start):
            if Path(parent) == self.root and DRAFTS in folders:
                folders.remove(DRAFTS)
            for name in names:
                path = Path(parent, name)
                key = path.relative_to(self.root).as_posix()
                size = _size(path) if key.startswith(prefix) else None
                if size is not None:
                    yield key, size

    def _opened(self, key: str) -> BinaryIO:
        path = self._path(key)
        try:
            return path.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFoundError(f"there is no {key} in {self.root}") from error
        except OSError as error:
            raise StoreError(f"{key} cannot be read: {error}") from error

    def _write(self, key: str, write: Callable[[BinaryIO], object], *, new: bool = False) -> bool:
        """Whether it was written: a `new` one only where there is none."""
        path = self._path(key)
        with _writing(key):
            drafts = self.root / DRAFTS
            drafts.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=drafts)
            draft = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                with self._folders:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    return _placed(draft, path, new=new)
            finally:
                draft.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        pure = PurePosixPath(key)
        if not pure.parts or str(pure) != key or pure.is_absolute() or ".." in pure.parts or "\0" in key:
            raise StoreError(f"{key!r} is not a key: names separated by single slashes, none of them '..'")
        if pure.parts[0] == DRAFTS:
            raise StoreError(f"{key!r} is not a key: {DRAFTS} holds what is being written")
        return self.root / key


def _placed(draft: Path, path: Path, *, new: bool) -> bool:
    if not new:
        draft.replace(path)
        return True
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    return True


@contextmanager
def _writing(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{key} cannot be written: {error}") from error


def _removed_when_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _size(path: Path) -> int | None:
    """None if it was deleted meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
