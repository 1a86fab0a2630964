"""The checksum that S3 keeps of an object: which one is compared with what arrived.

Of those over the whole object, the ones that the standard library computes at the speed of a disk. For a
CRC64NVME or CRC32C Python would need minutes a gigabyte: then the ETag is compared, if it is an MD5.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKSUM_MODE = {"x-amz-checksum-mode": "ENABLED"}
"""Header fields that ask for checksums."""
_CHUNK = 1024 * 1024
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_ALGORITHMS = ("crc32", "sha1", "sha256")
"""The cheapest first."""


@dataclass(frozen=True)
class ObjectSum:
    """A checksum over all bytes of an object."""

    algorithm: str
    value: bytes

    def is_of(self, path: Path) -> bool:
        """Whether it is that of the file, which is read. Raises OSError."""
        running = RunningSum(self)
        with path.open("rb") as content:
            for chunk in iter(lambda: content.read(_CHUNK), b""):
                running.update(chunk)
        return running.is_right()


class RunningSum:
    """Compares bytes, as they arrive in order, with a checksum."""

    def __init__(self, expected: ObjectSum) -> None:
        self._expected = expected
        self._crc32 = 0
        self._digest: Any = None
        if expected.algorithm != "crc32":
            self._digest = hashlib.new(expected.algorithm, usedforsecurity=False)

    def update(self, data: bytes | memoryview) -> None:
        if self._digest is None:
            self._crc32 = zlib.crc32(data, self._crc32)
        else:
            self._digest.update(data)

    def is_right(self) -> bool:
        found = self._crc32.to_bytes(4, "big") if self._digest is None else self._digest.digest()
        return bool(found == self._expected.value)


def sum_of(headers: Mapping[str, str], etag: str) -> ObjectSum | None:
    """The checksum to compare with, of an answer's header fields and the listed ETag; None without any.

    Checksums over the checksums of parts are none, and with encryption by KMS the ETag is no MD5.
    """
    if headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() == "FULL_OBJECT":
        for algorithm in _ALGORITHMS:
            told = headers.get(f"x-amz-checksum-{algorithm}", "")
            if told and "-" not in told:
                try:
                    return ObjectSum(algorithm, b64decode(told, validate=True))
                except NoBase64:
                    continue
    match = _MD5.fullmatch(etag)
    if match is None or "kms" in headers.get("x-amz-server-side-encryption", ""):
        return None
    return ObjectSum("md5", bytes.fromhex(match.group(1)))
