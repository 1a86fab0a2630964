"""The store in the job's bucket: streamed, with bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from runctl_auto.agent.errors import (
    FileChangedError,
    NotFoundError,
    RetriesExhaustedError,
    S3Error,
    UnreachableError,
)
from runctl_auto.agent.store.file_slice import FileSlice
from runctl_auto.agent.store.parts_upload import PartsUpload
from runctl_auto.agent.store.ranges import RANGE_BYTES, download_ranges
from runctl_auto.agent.store.s3 import BODY_TIMEOUT_SECONDS, CHUNK, S3
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.store.web import Body

PART_BYTES = 32 * CHUNK
_CONFLICTS = 3
"""So often a conditional write is tried that S3 refuses without an object that is there."""

T = TypeVar("T")


@dataclass(frozen=True)
class S3Store:
    """A `Store` in one bucket. Files of more than `part_bytes` are uploaded in parts, what may be more than
    two of `range_bytes` is downloaded in ranges; each by `at_once` connections.
    """

    s3: S3
    part_bytes: int = PART_BYTES
    range_bytes: int = RANGE_BYTES
    at_once: int = 4

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
        if key not in self.object_sizes(key):
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
            stored = self.object_sizes(key).get(key)
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

        if at_most > 2 * self.range_bytes:
            return self._expected(
                lambda s3: download_ranges(
                    s3, key, target, at_most, step=self.range_bytes, at_once=self.at_once
                )
            )

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
            whole = FileSlice(file, 0, size)
            return PartsUpload(self.s3, key, whole, self.part_bytes, self.at_once).store()
        whole = FileSlice(file, 0, size)
        digest = whole.sha256()
        self._put_whole(key, whole, digest)
        return digest

    def object_sizes(self, prefix: str) -> dict[str, int]:
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

    def _put_whole(self, key: str, piece: FileSlice, digest: str) -> None:
        def attempt() -> None:
            sent = hashlib.sha256()

            def chunks() -> Iterator[bytes]:
                for chunk in piece:
                    sent.update(chunk)
                    yield chunk

            body: Body = chunks() if piece.length else b""
            answer = self.s3.requests.send(
                "PUT", key, body=body, body_sha256=digest,
                headers={"content-length": str(piece.length)}, timeout=BODY_TIMEOUT_SECONDS,
            )  # fmt: skip
            with answer:
                answer.read()
                if piece.length and sent.hexdigest() != digest:
                    raise FileChangedError(f"{piece.file.name} changed while it was read")

        self.s3.retried(attempt)
