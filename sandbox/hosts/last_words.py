"""Saves the end of a host's journals to its console log before the host's folder is deleted.

The host controls that folder: no links are followed, and only regular files are read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_JOURNALS = ("var", "log", "journal")
_MOST_JOURNALS = 8
_TAIL_BYTES = 32 << 10


def keep_journals(root: Path, console: Path) -> None:
    """Append the tail of each unit's journal to the console log; the host's files are untrusted."""
    try:
        folder = _open_folder(root, _JOURNALS)
    except OSError:
        return
    try:
        with console.open("ab") as kept:
            for name in sorted(os.listdir(folder))[:_MOST_JOURNALS]:  # noqa: PTH208 - of a descriptor
                if tail := _tail(folder, name):
                    kept.write(f"--- journal of {ascii(name)[1:-1]} (its end) ---\n".encode() + tail)
    finally:
        os.close(folder)


def _open_folder(root: Path, parts: tuple[str, ...]) -> int:
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    for part in parts:
        try:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    return folder


def _tail(folder: int, name: str) -> bytes:
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return b""
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            return b""
        os.lseek(file, max(found.st_size - _TAIL_BYTES, 0), os.SEEK_SET)
        return os.read(file, _TAIL_BYTES)
    finally:
        os.close(file)
