"""A bucket in memory behind the contract of bulk data, with faults: lost answers, crashes, flipped bytes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runctl_auto.errors import DamagedDataError, NotFoundError, ObjectChangedError, RunctlError
from runctl_auto.local.crc64 import combined, crc64, decoded, encoded
from runctl_auto.providers.objects import (
    Algorithm,
    Body,
    CopySource,
    ListedObject,
    ObjectFacts,
    SmallRead,
    SmallWrite,
    Take,
    UnfinishedUpload,
    UploadedPart,
    WholeSum,
)

START_NS = 1_800_000_000 * 10**9
SECOND = 10**9


class Killed(BaseException):
    """Stands for kill -9: no handler of errors takes it."""


@dataclass
class Stored:
    content: bytes
    etag: str
    modified_ns: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    whole_sum: WholeSum | None = None


@dataclass
class Upload:
    key: str
    begun_ns: int
    metadata: Mapping[str, str]
    parts: dict[int, tuple[bytes, str]] = field(default_factory=dict)


Hook = Callable[[str, str], None]


def nothing(operation: str, key: str) -> None:
    """Lets every request pass."""


@dataclass(frozen=True)
class InMemory:
    """A body that is at hand."""

    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def pieces(self) -> tuple[bytes]:
        return (self.content,)


class ObjectsInMemory:
    """Implements `ObjectData`. `before` and `after` are called around the effect of a request and may raise.

    `spoil` changes what a read answers. `requests` are all requests so far.
    """

    def __init__(self, name: str = "bucket", others: dict[str, ObjectsInMemory] | None = None) -> None:
        """``others``: the buckets of the same store by name, which objects can be copied from."""
        self.address = self.place = f"s3://{name}"
        self.others = {} if others is None else others
        self.others[name] = self
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, Upload] = {}
        self.before: Hook = nothing
        self.after: Hook = nothing
        self.spoil: Callable[[str, bytes], bytes] = lambda key, content: content
        self.requests: list[tuple[str, str]] = []
        self.sent_bytes = 0
        self.now_ns = START_NS
        self.keeps_part_sums = True
        self._lock = threading.RLock()
        self._number = 0

    @property
    def clock_offset_ns(self) -> int:
        return self.now_ns - time.time_ns()

    def put(
        self,
        key: str,
        content: bytes,
        *,
        metadata: Mapping[str, str] | None = None,
        sums: bool = True,
        modified_ns: int | None = None,
    ) -> Stored:
        """Stores an object as another program would."""
        whole = WholeSum(algorithm="crc64nvme", value=encoded(crc64(content))) if sums else None
        self._number += 1
        made = Stored(
            content,
            f'"{hashlib.sha256(content).hexdigest()[:16]}-{self._number}"',
            self.now_ns if modified_ns is None else modified_ns,
            dict(metadata or {}),
            whole,
        )
        self.objects[key] = made
        return made

    def listed(self, prefix: str) -> Iterator[ListedObject]:
        self._asked("list", prefix)
        for key in sorted(self.objects):
            if key.startswith(prefix):
                found = self.objects[key]
                yield ListedObject(
                    key=key, size=len(found.content), etag=found.etag, modified_ns=found.modified_ns
                )

    def facts(self, key: str) -> ObjectFacts | None:
        self._asked("facts", key)
        return self._facts(self.objects[key]) if key in self.objects else None

    def read(
        self, key: str, into: memoryview, *, first: int = 0, etag: str | None = None, whole: bool = False
    ) -> tuple[int, ObjectFacts]:
        self._asked("read", key)
        found = self.objects.get(key)
        if found is None:
            raise NotFoundError(f"{key} is gone", code="NoSuchKey")
        if etag is not None and found.etag != etag:
            raise ObjectChangedError(f"{key} changed", code="PreconditionFailed")
        content = self.spoil(key, found.content if whole else found.content[first : first + len(into)])
        into[: len(content)] = content
        self.after("read", key)
        return len(content), self._facts(found)

    def stream(self, key: str, take: Take, *, first: int, size: int, etag: str) -> tuple[int, ObjectFacts]:
        content = memoryview(bytearray(size))
        count, facts = self.read(key, content, first=first, etag=etag)
        half = count // 2
        for start, end in ((0, half), (half, count)):
            if end > start:
                take(start, content[start:end])
        return count, facts

    def write(
        self, key: str, body: Body, *, crc64: str, metadata: Mapping[str, str], encoding: str | None = None
    ) -> ObjectFacts:
        self._asked("write", key)
        content = self._received(body, crc64)
        with self._lock:
            made = self.put(key, content, metadata=metadata)
        self.after("write", key)
        return self._facts(made)

    def write_many(
        self, writes: Iterator[SmallWrite], written: Callable[[SmallWrite], None], *, at_once: int
    ) -> None:
        for each in writes:
            try:
                self.write(each.key, InMemory(each.content), crc64=each.crc64, metadata=each.metadata)
            except RunctlError:
                return  # one is as good as many in a row
            written(each)

    def read_many(
        self,
        reads: Iterator[SmallRead],
        arrived: Callable[[SmallRead, memoryview, ObjectFacts], None],
        *,
        at_once: int,
    ) -> None:
        for each in reads:
            content = memoryview(bytearray(each.size))
            try:
                count, facts = self.read(each.key, content, etag=each.etag, whole=True)
            except RunctlError:
                continue
            if count == each.size:
                arrived(each, content, facts)

    def copy(self, key: str, source: CopySource, algorithm: Algorithm) -> ObjectFacts:
        self._asked("copy", key)
        found = self._copied(source)
        content = self.spoil(key, found.content)
        with self._lock:
            made = self.put(key, content, metadata=found.metadata)
        self.after("copy", key)
        return self._facts(made)

    def copy_part(
        self, key: str, upload: str, number: int, source: CopySource, *, first: int, size: int
    ) -> UploadedPart:
        self._asked("copy_part", key)
        content = self.spoil(key, self._copied(source).content[first : first + size])
        with self._lock:
            if upload not in self.uploads:
                raise NotFoundError("no such upload", code="NoSuchUpload")
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            self.uploads[upload].parts[number] = (content, etag)
        self.after("copy_part", key)
        told = _sum(content) if self.keeps_part_sums else None
        return UploadedPart(number=number, size=len(content), etag=etag, crc64=told)

    def _copied(self, source: CopySource) -> Stored:
        found = self.others[source.bucket].objects.get(source.key)
        if found is None:
            raise NotFoundError(f"{source.key} is gone", code="NoSuchKey")
        if found.etag != source.etag:
            raise ObjectChangedError(f"{source.key} changed", code="PreconditionFailed")
        return found

    def begin(
        self,
        key: str,
        *,
        metadata: Mapping[str, str],
        encoding: str | None = None,
        described: Mapping[str, str] | None = None,
    ) -> str:
        self._asked("begin", key)
        with self._lock:
            self._number += 1
            identity = f"upload-{self._number}"
            self.uploads[identity] = Upload(key, self.now_ns, dict(metadata))
        self.after("begin", key)
        return identity

    def write_part(self, key: str, upload: str, number: int, body: Body, *, crc64: str) -> str:
        self._asked("write_part", key)
        content = self._received(body, crc64)
        with self._lock:
            if upload not in self.uploads:
                raise NotFoundError("no such upload", code="NoSuchUpload")
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            self.uploads[upload].parts[number] = (content, etag)
        self.after("write_part", key)
        return etag

    def parts(self, key: str, upload: str) -> Sequence[UploadedPart] | None:
        self._asked("parts", key)
        if upload not in self.uploads:
            return None
        return [
            UploadedPart(
                number=number,
                size=len(content),
                etag=etag,
                crc64=encoded(crc64(content)) if self.keeps_part_sums else None,
            )
            for number, (content, etag) in sorted(self.uploads[upload].parts.items())
        ]

    def complete(
        self, key: str, upload: str, parts: Sequence[UploadedPart], *, crc64: str | None
    ) -> ObjectFacts:
        self._asked("complete", key)
        with self._lock:
            if upload not in self.uploads:
                raise NotFoundError("no such upload", code="NoSuchUpload")
            there = self.uploads[upload].parts
            for each in parts:
                assert there[each.number][1] == each.etag, "InvalidPart"
            content = b"".join(there[each.number][0] for each in parts)
            told = [each for each in parts if each.crc64 is not None]
            own = combined((decoded(str(each.crc64)), each.size) for each in told)
            wrong = len(told) == len(parts) and encoded(own) != _sum(content)
            if wrong or crc64 not in (None, _sum(content)):
                raise DamagedDataError("other bytes", code="BadDigest")
            made = self.put(key, content, metadata=self.uploads.pop(upload).metadata)
        self.after("complete", key)
        return self._facts(made)

    def abort(self, key: str, upload: str) -> None:
        self._asked("abort", key)
        self.uploads.pop(upload, None)
        self.after("abort", key)

    def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        self._asked("unfinished", prefix)
        for identity, each in list(self.uploads.items()):
            if each.key.startswith(prefix):
                yield UnfinishedUpload(key=each.key, upload=identity, begun_ns=each.begun_ns)

    def delete(self, keys: Sequence[str]) -> Mapping[str, str]:
        self._asked("delete", "")
        for each in keys:
            self.objects.pop(each, None)
        return {}

    def _asked(self, operation: str, key: str) -> None:
        with self._lock:
            self.requests.append((operation, key))
        self.before(operation, key)

    def _received(self, body: Body, told: str) -> bytes:
        content = b"".join(bytes(each) for each in body.pieces())
        assert len(content) == body.size
        with self._lock:
            self.sent_bytes += len(content)
        if _sum(content) != told:
            raise DamagedDataError("other bytes", code="BadDigest")
        return content

    @staticmethod
    def _facts(found: Stored) -> ObjectFacts:
        return ObjectFacts(
            size=len(found.content),
            etag=found.etag,
            modified_ns=found.modified_ns,
            whole_sum=found.whole_sum,
            metadata=found.metadata,
        )


def _sum(content: bytes) -> str:
    return encoded(crc64(content))
