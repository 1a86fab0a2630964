"""Copies a folder that may change meanwhile: follows no links, skips pipes and other special files."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_CHUNK = 1024 * 1024


def copy_tree(source: Path, target: Path) -> None:
    """Copy `source` to `target`, which must not exist, with modes and, where permitted, owners.

    Files deleted meanwhile are skipped.
    """
    target.mkdir(mode=0o700)
    with _opened(os.open(source, _OPEN_FOLDER)) as held, _opened(os.open(target, _OPEN_FOLDER)) as made:
        _copy_content(held, made)
        _same_rights(held, made)


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _copy_content(held: int, made: int) -> None:
    for name in os.listdir(held):
        with contextlib.suppress(FileNotFoundError):
            mode = os.stat(name, dir_fd=held, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                os.symlink(os.readlink(name, dir_fd=held), name, dir_fd=made)
            elif stat.S_ISDIR(mode):
                _copy_folder(name, held, made)
            elif stat.S_ISREG(mode):
                _copy_file(name, held, made)


def _copy_folder(name: str, held: int, made: int) -> None:
    with _opened(os.open(name, _OPEN_FOLDER, dir_fd=held)) as inner:
        os.mkdir(name, 0o700, dir_fd=made)
        with _opened(os.open(name, _OPEN_FOLDER, dir_fd=made)) as copied:
            _copy_content(inner, copied)
            _same_rights(inner, copied)


def _copy_file(name: str, held: int, made: int) -> None:
    reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=held)
    with _opened(reading):
        writing = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=made)
        with _opened(writing):
            while chunk := os.read(reading, _CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[os.write(writing, view) :]
            _same_rights(reading, writing)


def _same_rights(held: int, made: int) -> None:
    told = os.fstat(held)
    with contextlib.suppress(PermissionError):
        os.fchown(made, told.st_uid, told.st_gid)
    os.fchmod(made, stat.S_IMODE(told.st_mode))
