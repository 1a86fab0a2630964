"""Stores a large file as one object in parts, with several connections.

S3 verifies each part, and the whole object, by their CRC32: the one checksum over all bytes that S3 takes for
an object in parts and the standard library computes at the speed of memory.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.agent.errors import AgentError, FileChangedError, IntegrityError, S3Error
from runctl_auto.agent.store.file_slice import FileSlice
from runctl_auto.agent.store.parallel import for_each
from runctl_auto.agent.store.s3 import BODY_TIMEOUT_SECONDS, S3

MOST_PARTS = 10_000
UNSIGNED = "UNSIGNED-PAYLOAD"
"""In place of a hash of the body: its CRC32 is signed with the other header fields."""


@dataclass(frozen=True)
class _Part:
    number: int
    slice: FileSlice
    crc32: int


@dataclass
class PartsUpload:
    """The upload of `whole` to `key` by `at_once` connections. `step` is the size of a part, larger for more
    than 10,000 of them.
    """

    s3: S3
    key: str
    whole: FileSlice
    step: int
    at_once: int
    _sha256: Any = field(default_factory=hashlib.sha256)
    _crc32: int = 0
    _upload: str = ""
    _stored: dict[int, tuple[str, int]] = field(default_factory=dict)

    def store(self) -> str:
        """The sha256 of the file. Blocks. Raises AgentError; FileChangedError when it changed meanwhile."""
        headers = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}
        begun = self.s3.request("POST", self.key, query=(("uploads", ""),), headers=headers)
        self._upload = _text(begun, "UploadId")
        try:
            for_each(self._parts(), self._put, self.at_once)
            self._complete()
        except BaseException:
            self._abort()
            raise
        return str(self._sha256.hexdigest())

    def _parts(self) -> Iterator[_Part]:
        """The parts in order, each read once for the checksums when it is its turn."""
        size = self.whole.length
        step = max(self.step, -(-size // MOST_PARTS))
        for number, start in enumerate(range(0, size, step), start=1):
            piece = FileSlice(self.whole.file, start, min(step, size - start))
            crc32 = 0
            for chunk in piece:
                crc32 = zlib.crc32(chunk, crc32)
                self._crc32 = zlib.crc32(chunk, self._crc32)
                self._sha256.update(chunk)
            yield _Part(number, piece, crc32)

    def _put(self, part: _Part) -> None:
        etag = self.s3.retried(lambda: self._put_once(part))
        self._stored[part.number] = (etag, part.crc32)

    def _put_once(self, part: _Part) -> str:
        sent = 0

        def chunks() -> Iterator[bytes]:
            nonlocal sent
            for chunk in part.slice:
                sent = zlib.crc32(chunk, sent)
                yield chunk

        headers = {"content-length": str(part.slice.length), "x-amz-checksum-crc32": _encoded(part.crc32)}
        query = (("partNumber", str(part.number)), ("uploadId", self._upload))
        answer = self.s3.requests.send(
            "PUT", self.key, query=query, body=chunks(), body_sha256=UNSIGNED, headers=headers,
            timeout=BODY_TIMEOUT_SECONDS,
        )  # fmt: skip
        with answer:
            answer.read()
            if sent != part.crc32:
                raise FileChangedError(f"{part.slice.file.name} changed while it was read")
            return answer.headers.get("etag", "")

    def _complete(self) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>"
            f"<ChecksumCRC32>{_encoded(crc32)}</ChecksumCRC32></Part>"
            for number, (etag, crc32) in sorted(self._stored.items())
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        headers = {"x-amz-checksum-crc32": _encoded(self._crc32), "x-amz-checksum-type": "FULL_OBJECT"}

        def attempt() -> None:
            with self.s3.requests.send(
                "POST", self.key, query=(("uploadId", self._upload),), body=body, headers=headers,
                timeout=BODY_TIMEOUT_SECONDS,
            ) as response:  # fmt: skip
                answer = response.read()
            # S3 may return 200 and report an error in the body.
            if b"<Error>" in answer:
                raise S3Error(f"complete {self.key}", 500, _text(answer, "Code"), _text(answer, "Message"))

        self.s3.retried(attempt)

    def _abort(self) -> None:
        try:
            self.s3.request("DELETE", self.key, query=(("uploadId", self._upload),))
        except AgentError:
            # The bucket's lifecycle rule removes the remains of the upload; the first error matters more.
            return


def _encoded(crc32: int) -> str:
    return b64encode(crc32.to_bytes(4, "big")).decode("ascii")


def _text(document: bytes, tag: str) -> str:
    match = re.search(f"<{tag}>([^<]*)</{tag}>".encode(), document)
    if not match:
        raise IntegrityError(f"S3's answer has no {tag}")
    return match.group(1).decode()
