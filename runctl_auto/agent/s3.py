"""The job's bucket as the agent uses it: retried, streamed, with bounded memory."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar
from xml.etree import ElementTree

from runctl_auto.agent.errors import (
    AgentError,
    CredentialsError,
    FileChangedError,
    IntegrityError,
    NotFoundError,
    S3Error,
    UnreachableError,
)
from runctl_auto.agent.outage import Outage
from runctl_auto.agent.retrying import Retrier
from runctl_auto.agent.s3_request import Query, S3Requests
from runctl_auto.agent.web import Body, Response

T = TypeVar("T")

CHUNK = 1024 * 1024
PART_BYTES = 64 * CHUNK
MOST_PARTS = 10_000
BODY_TIMEOUT_SECONDS = 120.0
OUTAGE_SECONDS = 120.0
"""After so long without any answer a call is made once: a machine without a network must come to its end."""

PASSING_CODES = {
    "SlowDown",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
}
STALE_CREDENTIALS_CODES = {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"}


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
        """The sha256 of these bytes, which are added to `whole` in the same reading."""
        own = hashlib.sha256()
        for chunk in self:
            own.update(chunk)
            whole.update(chunk)
        return own.hexdigest()


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing tells it: `etag` with its quotes, `modified` as S3 writes times."""

    key: str
    size: int
    etag: str
    modified: str


@dataclass(frozen=True)
class S3:
    """Objects of one bucket. Every call blocks until done or raises an AgentError.

    `forgive_until`: before this time of the retrier's clock a refusal (403) is taken for permissions that
    have not propagated yet. `patience_seconds`: passing errors are retried at least that long, unless the
    `outage` that they are part of has lasted OUTAGE_SECONDS.
    """

    requests: S3Requests
    retrier: Retrier = field(default_factory=Retrier)
    forget_credentials: Callable[[], None] = lambda: None
    forgive_until: float = 0.0
    patience_seconds: float = 0.0
    part_bytes: int = PART_BYTES
    outage: Outage = field(default_factory=Outage)

    def patient(self, seconds: float) -> S3:
        """The same bucket, retrying for at least `seconds`: for what must not be lost."""
        return replace(self, patience_seconds=seconds)

    def get(self, key: str) -> bytes:
        """The object; raises NotFoundError. For small objects."""
        return self._call(lambda: _read(self.requests.send("GET", key)))

    def find(self, key: str) -> bytes | None:
        """The object, None when there is none. For small objects.

        Asks for the name first: with leave to list only its own prefixes, the agent is refused (403), not
        told (404), when it asks for an object that does not exist.
        """
        if key not in self.list_objects(key):
            return None
        try:
            return self.get(key)
        except NotFoundError:
            return None

    def put(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        headers = {"content-type": content_type}
        self._call(lambda: _read(self.requests.send("PUT", key, body=data, headers=headers)))

    def delete(self, key: str) -> None:
        """Idempotent: an object that does not exist is deleted already."""
        self._call(lambda: _read(self.requests.send("DELETE", key)))

    def download(self, key: str, target: Path) -> str:
        """Writes the object to `target` (which may exist) and returns the sha256 of what was written."""

        def attempt() -> str:
            digest, size = hashlib.sha256(), 0
            with (
                self.requests.send("GET", key, timeout=BODY_TIMEOUT_SECONDS) as answer,
                target.open("wb") as file,
            ):
                while True:
                    chunk = answer.read(CHUNK)
                    if not chunk:
                        break
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                expected = answer.headers.get("content-length")
            if expected is not None and int(expected) != size:
                raise UnreachableError(f"{key}: {size} of {expected} bytes arrived")
            return digest.hexdigest()

        return self._call(attempt)

    def upload(self, key: str, file: BinaryIO, size: int) -> str:
        """Stores the first `size` bytes of `file` and returns their sha256.

        Raises FileChangedError when they changed meanwhile; then nothing was stored, or something that the
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
        return {each.key: each.size for each in self.list_stored(prefix)}

    def list_stored(self, prefix: str) -> Iterator[StoredObject]:
        """Objects below `prefix`, in order; a page is asked for when it is needed."""
        for page in self._pages((("prefix", prefix),)):
            for item in page.findall("Contents"):
                yield StoredObject(
                    key=item.findtext("Key") or "",
                    size=int(item.findtext("Size") or 0),
                    etag=item.findtext("ETag") or "",
                    modified=item.findtext("LastModified") or "",
                )

    def list_folders(self, prefix: str) -> list[str]:
        """Names directly below `prefix` (which ends in '/') that have objects below them, in order."""
        found: list[str] = []
        for page in self._pages((("prefix", prefix), ("delimiter", "/"))):
            for item in page.findall("CommonPrefixes"):
                found.append((item.findtext("Prefix") or "")[len(prefix) :].rstrip("/"))
        return found

    def _pages(self, query: Query) -> Iterator[ElementTree.Element]:
        token: str | None = None
        while True:
            page = self._page(
                (*query, ("list-type", "2"), *((("continuation-token", token),) if token else ()))
            )
            yield page
            token = page.findtext("NextContinuationToken")
            if not token:
                return

    def _page(self, query: Query) -> ElementTree.Element:
        text = self._call(lambda: _read(self.requests.send("GET", "", query=query))).decode()
        return ElementTree.fromstring(re.sub(r'\sxmlns="[^"]*"', "", text, count=1))  # noqa: S314

    def _put_slice(self, key: str, piece: FileSlice, digest: str, query: Query) -> str:
        def attempt() -> str:
            sent = hashlib.sha256()

            def chunks() -> Iterator[bytes]:
                for chunk in piece:
                    sent.update(chunk)
                    yield chunk

            body: Body = chunks() if piece.length else b""
            answer = self.requests.send(
                "PUT", key, query=query, body=body, body_sha256=digest,
                headers={"content-length": str(piece.length)}, timeout=BODY_TIMEOUT_SECONDS,
            )  # fmt: skip
            with answer:
                answer.read()
                if piece.length and sent.hexdigest() != digest:
                    raise FileChangedError(f"{piece.file.name} changed while it was read")
                return answer.headers.get("etag", "")

        return self._call(attempt)

    def _put_parts(self, key: str, file: BinaryIO, size: int) -> str:
        whole = hashlib.sha256()
        begun = self._call(lambda: _read(self.requests.send("POST", key, query=(("uploads", ""),))))
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
            answer = _read(
                self.requests.send("POST", key, query=query, body=body, timeout=BODY_TIMEOUT_SECONDS)
            )
            # S3 may answer 200 and tell of an error in the body.
            if b"<Error>" in answer:
                raise S3Error(f"complete {key}", 500, _text(answer, "Code"), _text(answer, "Message"))

        self._call(attempt)

    def _abort(self, key: str, upload: str) -> None:
        try:
            self._call(lambda: _read(self.requests.send("DELETE", key, query=(("uploadId", upload),))))
        except AgentError:
            # The bucket's lifecycle rule removes what is left of it; the first error matters more.
            return

    def retried(self, operation: Callable[[], T]) -> T:
        """Result of an operation, with the same patience as the bucket's own."""
        return self._call(operation)

    def _call(self, operation: Callable[[], T]) -> T:
        started = self.retrier.clock()
        return self.retrier.call(
            lambda: self._watched(operation), self._is_passing, lambda error: self._patience(error, started)
        )

    def _watched(self, operation: Callable[[], T]) -> T:
        asked = self.retrier.clock()
        try:
            result = operation()
        except UnreachableError:
            self.outage.unanswered(asked)
            raise
        except S3Error:
            self.outage.answered()
            raise
        self.outage.answered()
        return result

    def _is_passing(self, error: AgentError) -> bool:
        if isinstance(error, S3Error) and error.code in STALE_CREDENTIALS_CODES:
            self.forget_credentials()
            return True
        if isinstance(error, UnreachableError) and self.outage.lasts(OUTAGE_SECONDS, self.retrier.clock()):
            return False
        return is_passing(error) or self._is_forgiven(error)

    def _is_forgiven(self, error: AgentError) -> bool:
        refused = isinstance(error, S3Error) and error.status == 403
        return (refused or isinstance(error, CredentialsError)) and self.retrier.clock() < self.forgive_until

    def _patience(self, error: AgentError, started: float) -> float:
        if self._is_forgiven(error):
            return self.forgive_until
        return started + self.patience_seconds


def is_passing(error: AgentError) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, (UnreachableError, CredentialsError)):
        return True
    if isinstance(error, S3Error):
        return error.status >= 500 or error.status == 429 or error.code in PASSING_CODES
    return False


def _read(answer: Response) -> bytes:
    with answer:
        return answer.read()


def _text(document: bytes, tag: str) -> str:
    match = re.search(f"<{tag}>([^<]*)</{tag}>".encode(), document)
    if not match:
        raise IntegrityError(f"S3's answer has no {tag}")
    return match.group(1).decode()
