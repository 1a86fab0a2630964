"""A part of an open file, read piece by piece."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from runctl_auto.agent.errors import FileChangedError
from runctl_auto.agent.store.s3 import CHUNK


@dataclass(frozen=True)
class FileSlice:
    """Bytes `start` to `start + length` of an open file, read at most a chunk at a time.

    Reading raises FileChangedError when the file has become shorter.
    """

    file: BinaryIO
    start: int
    length: int

    def __iter__(self) -> Iterator[bytes]:
        position, end = self.start, self.start + self.length
        while position < end:
            chunk = os.pread(self.file.fileno(), min(CHUNK, end - position), position)
            if not chunk:
                raise FileChangedError(f"{self.file.name} became shorter while it was read")
            position += len(chunk)
            yield chunk

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for chunk in self:
            digest.update(chunk)
        return digest.hexdigest()
