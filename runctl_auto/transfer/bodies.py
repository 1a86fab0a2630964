"""What is sent at the pace of the transfer: bytes in memory, or a range of a file that is read meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from runctl_auto.errors import FileChangedError
from runctl_auto.local.crc64 import crc64
from runctl_auto.transfer.pace import Pace

_PIECE = 1 << 20
_SLOW_PIECE = 64 << 10


class InMemory:
    """A body in memory, at the pace of the transfer."""

    def __init__(self, content: bytes | memoryview, pace: Pace) -> None:
        self._content = memoryview(content)
        self._pace = pace
        self.size = len(content)

    def pieces(self) -> Iterable[memoryview]:
        if self._pace.rate is None:
            return (self._content,)
        return self._slowly()

    def _slowly(self) -> Iterator[memoryview]:
        for start in range(0, self.size, _SLOW_PIECE):
            piece = self._content[start : start + _SLOW_PIECE]
            self._pace.take(len(piece))
            yield piece


class FileRange:
    """A body that is a range of an open file, read as it is sent: a part that is larger than ``buffer``."""

    def __init__(self, file: int, first: int, size: int, buffer: memoryview, pace: Pace) -> None:
        self._file, self._first, self.size, self._buffer, self._pace = file, first, size, buffer, pace

    def pieces(self) -> Iterator[memoryview]:
        for piece in self._read(_PIECE if self._pace.rate is None else _SLOW_PIECE):
            self._pace.take(len(piece))
            yield piece

    def crc64(self) -> int:
        value = 0
        for piece in self._read(_PIECE):
            value = crc64(piece, value)
        return value

    def _read(self, step: int) -> Iterator[memoryview]:
        step = min(step, len(self._buffer))
        for start in range(0, self.size, step):
            piece = self._buffer[: min(step, self.size - start)]
            if os.preadv(self._file, [piece], self._first + start) != len(piece):
                raise FileChangedError("The file became shorter while it was sent.")
            yield piece
