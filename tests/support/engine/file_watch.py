"""Records events in a folder, in order, with inotify."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_IN_MOVED_TO = 0x80
_IN_CREATE = 0x100
_HEADER = struct.Struct("iIII")
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class FileWatch:
    """An open watch of one folder."""

    descriptor: int

    def events(self) -> list[tuple[str, str]]:
        """All events since the last call: ``created`` or ``renamed`` (to this name), and the file name. Does
        not wait: events of a process that has ended are included."""
        found: list[tuple[str, str]] = []
        while select.select([self.descriptor], [], [], 0)[0]:
            found += _parsed(os.read(self.descriptor, _BUFFER_BYTES))
        return found


def _parsed(data: bytes) -> Iterator[tuple[str, str]]:
    while data:
        _, mask, _, length = _HEADER.unpack_from(data)
        name = data[_HEADER.size : _HEADER.size + length].rstrip(b"\0").decode()
        yield ("renamed" if mask & _IN_MOVED_TO else "created"), name
        data = data[_HEADER.size + length :]


@contextmanager
def watched(folder: Path) -> Iterator[FileWatch]:
    """Watch ``folder``; no later event is missed."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC)
    if (
        descriptor < 0
        or libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_MOVED_TO | _IN_CREATE) < 0
    ):
        raise OSError(ctypes.get_errno(), "inotify", str(folder))
    try:
        yield FileWatch(descriptor)
    finally:
        os.close(descriptor)
