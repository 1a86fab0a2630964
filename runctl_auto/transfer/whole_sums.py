"""The checksums that S3 keeps of whole objects, computed from bytes and from files."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from typing import Any

from runctl_auto.local.crc64 import crc64
from runctl_auto.providers.objects import Algorithm

_CHUNK = 1 << 20


class RunningSum:
    """A checksum of one of S3's algorithms over bytes as they come."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        self._value = 0
        self._digest: Any = None
        if algorithm in ("sha1", "sha256"):
            self._digest = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, data: bytes | memoryview) -> None:
        if self._digest is not None:
            self._digest.update(data)
        elif self._algorithm == "crc64nvme":
            self._value = crc64(data, self._value)
        elif self._algorithm == "crc32":
            self._value = zlib.crc32(data, self._value)
        else:
            self._value = _crc32c(data, self._value)

    def value(self) -> str:
        """In base64, as S3 writes it."""
        if self._digest is not None:
            content: bytes = self._digest.digest()
        else:
            content = self._value.to_bytes(8 if self._algorithm == "crc64nvme" else 4, "big")
        return base64.b64encode(content).decode("ascii")


def sum_of_file(file: int, size: int, algorithm: Algorithm) -> str:
    """The checksum of the first ``size`` bytes of an open file."""
    running, done = RunningSum(algorithm), 0
    while done < size:
        piece = os.pread(file, min(_CHUNK, size - done), done)
        if not piece:
            break
        running.update(piece)
        done += len(piece)
    return running.value()


def _crc32c(data: bytes | memoryview, previous: int) -> int:
    from awscrt.checksums import crc32c

    return int(crc32c(data, previous))
