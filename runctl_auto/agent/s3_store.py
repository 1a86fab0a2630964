"""The store in the job's bucket: streamed, with bounded memory."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from runctl_auto.agent.errors import (
    AgentError,
    FileChangedError,
    IntegrityError,
    NotFoundError,
    RetriesExhaustedError,
    S3Error,
    UnreachableError,
)
from runctl_auto.agent.s3 import BODY_TIMEOUT_SECONDS, CHUNK, S3
from runctl_auto.agent.s3_request import Query
from runctl_auto.agent.time_limit import TimeLimit
from runctl_auto.agent.web import Body

PART_BYTES = 64 * CHUNK
MOST_PARTS = 10_000
_CONFLICTS = 3
"""So often a conditional write is tried that S3 refuses without an object that is there."""

T = TypeVar("T")


class _Hash(Protocol):
    def update(self, data: bytes, /) -> object: ...


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

    def hashed_into(self, whole: _Hash) -> str:
        """The sha256 of these bytes; the same read also updates `whole`."""
        own = hashlib.sha256()
        for chunk in self:
            own.update(chunk)
            whole.update(chunk)
        return own.hexdigest()


@dataclass(frozen=True)
class S3Store:
    """A `Store` in one bucket. Files of more than `part_bytes` are uploaded in parts."""

    s3: S3
    part_bytes: int = PART_BYTES

    def patient(self, seconds: float) -> S3Store:
        return replace(self, s3=self.s3.patient(seconds))

    def within(self, limit: TimeLimit) -> S3Store:
        return replace(self, s3=self.s3.within(limit))

    def get(self, key: str, at_most: int) -> bytes:
        """The object; raises NotFoundError, and IntegrityError when it is larger."""
        return self._expected(lambda s3: s3.request("GET", key, at_most=at_most))

    def find(self, key: str, at_most: int) -> bytes | None:
        """The object, None when there is none. Raises IntegrityError when it is larger.

        Lists the key first: with a role that may not list the whole bucket, S3 returns 403 to a GET of an
        object that does not exist.
        """
        if key not in self.list_objects(key):
            return None
        try:
            return self.get(key, at_most)
        except NotFoundError:
            return None

    def put(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        self.s3.request("PUT", key, body=data, headers={"content-type": content_type})

    def put_new(self, key: str, data: bytes) -> bool:
        """Stores an object if there is none with this key; False when there is."""
        headers = {"content-type": "application/json", "if-none-match": "*"}
        for _ in range(_CONFLICTS):
            try:
                self.s3.request("PUT", key, body=data, headers=headers)
                return True
            except S3Error as error:
                if error.status not in (409, 412):
                    raise
                conflict = error
            stored = self.list_objects(key).get(key)
            if stored is not None:
                # A request that was repeated may meet what it stored itself.
                return stored == len(data) and self.get(key, stored) == data
        raise conflict

    def delete(self, key: str) -> None:
        """Idempotent: deleting an object that does not exist succeeds."""
        self.s3.request("DELETE", key)

    def download(self, key: str, target: Path, at_most: int) -> str:
        """Writes the first `at_most` bytes of the object to `target` (which may exist) and returns the sha256
        of what was written.
        """

        def attempt() -> str:
            digest, size = hashlib.sha256(), 0
            with (
                self.s3.requests.send("GET", key, timeout=BODY_TIMEOUT_SECONDS) as answer,
                target.open("wb") as file,
            ):
                while size < at_most:
                    chunk = answer.read(min(CHUNK, at_most - size))
                    if not chunk:
                        break
                    if self.s3.limit is not None:
                        self.s3.limit.check()
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                expected = answer.headers.get("content-length")
            if expected is not None and min(int(expected), at_most) != size:
                raise UnreachableError(f"{key}: {size} of {expected} bytes arrived")
            return digest.hexdigest()

        return self._expected(lambda s3: s3.retried(attempt))

    def upload(self, key: str, file: BinaryIO, size: int) -> str:
        """Stores the first `size` bytes of `file` and returns their sha256.

        Raises FileChangedError when they changed meanwhile; then nothing was stored, or an object that the
        caller must not use.
        """
        if size > self.part_bytes:
            return self._put_parts(key, file, size)
        whole = FileSlice(file, 0, size)
        digest = whole.sha256()
        self._put_slice(key, whole, digest, ())
        return digest

    def list_objects(self, prefix: str) -> dict[str, int]:
        """Keys below `prefix`, in order, with their sizes in bytes."""
        return {each.key: each.size for each in self.s3.list_stored(prefix)}

    def list_folders(self, prefix: str) -> list[str]:
        return self.s3.list_folders(prefix)

    def _expected(self, read: Callable[[S3], T]) -> T:
        """The result of reading an object that should exist. Raises NotFoundError when it does not."""
        try:
            return read(self.s3.expecting_objects())
        except RetriesExhaustedError as error:
            if isinstance(error.__cause__, NotFoundError):
                raise error.__cause__ from None
            raise

    def _put_slice(self, key: str, piece: FileSlice, digest: str, query: Query) -> str:
        def attempt() -> str:
            sent = hashlib.sha256()

            def chunks() -> Iterator[bytes]:
                for chunk in piece:
                    sent.update(chunk)
                    yield chunk

            body: Body = chunks() if piece.length else b""
            answer = self.s3.requests.send(
                "PUT", key, query=query, body=body, body_sha256=digest,
                headers={"content-length": str(piece.length)}, timeout=BODY_TIMEOUT_SECONDS,
            )  # fmt: skip
            with answer:
                answer.read()
                if piece.length and sent.hexdigest() != digest:
                    raise FileChangedError(f"{piece.file.name} changed while it was read")
                return answer.headers.get("etag", "")

        return self.s3.retried(attempt)

    def _put_parts(self, key: str, file: BinaryIO, size: int) -> str:
        whole = hashlib.sha256()
        begun = self.s3.request("POST", key, query=(("uploads", ""),))
        upload = _text(begun, "UploadId")
        try:
            step = max(self.part_bytes, -(-size // MOST_PARTS))
            etags: list[str] = []
            for number, start in enumerate(range(0, size, step), start=1):
                piece = FileSlice(file, start, min(step, size - start))
                query = (("partNumber", str(number)), ("uploadId", upload))
                etags.append(self._put_slice(key, piece, piece.hashed_into(whole), query))
            self._complete(key, upload, etags)
        except BaseException:
            self._abort(key, upload)
            raise
        return whole.hexdigest()

    def _complete(self, key: str, upload: str, etags: list[str]) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in enumerate(etags, start=1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()

        def attempt() -> None:
            query = (("uploadId", upload),)
            with self.s3.requests.send(
                "POST", key, query=query, body=body, timeout=BODY_TIMEOUT_SECONDS
            ) as response:
                answer = response.read()
            # S3 may return 200 and report an error in the body.
            if b"<Error>" in answer:
                raise S3Error(f"complete {key}", 500, _text(answer, "Code"), _text(answer, "Message"))

        self.s3.retried(attempt)

    def _abort(self, key: str, upload: str) -> None:
        try:
            self.s3.request("DELETE", key, query=(("uploadId", upload),))
        except AgentError:
            # The bucket's lifecycle rule removes the remains of the upload; the first error matters more.
            return


def _text(document: bytes, tag: str) -> str:
    match = re.search(f"<{tag}>([^<]*)</{tag}>".encode(), document)
    if not match:
        raise IntegrityError(f"S3's answer has no {tag}")
    return match.group(1).decode()
