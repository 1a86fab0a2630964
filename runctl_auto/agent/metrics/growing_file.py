"""Reads what is added to a file of the job, in bounded pieces. The job may do anything with it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MOST_READ = 2 * 1024 * 1024
"""Bytes that are read of a text at once; of more, the last ones."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The regular file at ``path``, not through a link. Raises OSError for anything else; never waits."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        yield file


class GrowingText:
    """A text that grows by lines. At most ``most`` bytes are read at once; of more, the last ones."""

    def __init__(self, path: Path, *, from_its_end: bool = False, most: int = MOST_READ) -> None:
        self._path = path
        self._most = most
        self._position = size_of(path) if from_its_end else 0

    def to_its_end(self) -> None:
        """Leaves out what is there."""
        self._position = size_of(self._path)

    def new_lines(self, *, final: bool = False) -> bytes:
        """Whole lines since the last call, at most ``most`` bytes; with ``final`` also a line that has
        only begun. Empty when there is no such file. A file that has become shorter is read anew.
        """
        try:
            with opened(self._path) as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._position:
                    self._position = 0
                skips = size - self._position > self._most
                start = size - self._most if skips else self._position
                file.seek(start)
                data = file.read(size - start)
        except OSError:
            return b""
        if skips:  # begins inside of a line
            data = data[_line_end(data, first=True) :]
        length = len(data) if final else _line_end(data, first=False)
        if not length and len(data) >= self._most // 2:  # no line is so long
            length = len(data)
        self._position = size - (len(data) - length)
        return data[:length]


def size_of(path: Path) -> int:
    """0 when there is no such file."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _line_end(data: bytes, *, first: bool) -> int:
    """Where the first or the last line ends; 0 when none does."""
    ends = [data.find(sign) if first else data.rfind(sign) for sign in (b"\n", b"\r")]
    found = [each for each in ends if each >= 0]
    return (min(found) if first else max(found)) + 1 if found else 0
