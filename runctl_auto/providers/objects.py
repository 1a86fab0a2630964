"""The contract of a bucket whose objects are moved in bulk: parts, ranges and checksums.

``ObjectData`` is one bucket, safe for many threads. Reads and writes of one object are single requests, so
that what moves a file decides about parts, order and what is repeated after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Algorithm = Literal["crc64nvme", "crc32", "crc32c", "sha1", "sha256"]


@dataclass(frozen=True, kw_only=True)
class WholeSum:
    """A checksum over all bytes of an object, in base64 as S3 states it.

    Composite checksums (over the checksums of the parts) and ETags are none.
    """

    algorithm: Algorithm
    value: str


@dataclass(frozen=True, kw_only=True)
class ListedObject:
    """An object in a list. ``modified_ns``: the store's time of the write, since the epoch."""

    key: str
    size: int
    etag: str
    modified_ns: int


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """What the store says about an object with its content. ``whole_sum`` is None when it keeps none.

    ``described`` are the header fields of HTTP that the object was written with, such as ``content-type``.
    """

    size: int
    etag: str
    modified_ns: int
    whole_sum: WholeSum | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    described: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CopySource:
    """The version of an object, by its ETag, of which the store makes another object."""

    bucket: str
    key: str
    etag: str


@dataclass(frozen=True, kw_only=True)
class UploadedPart:
    """A part of an unfinished upload. ``crc64`` is None when the store keeps none of parts."""

    number: int
    size: int
    etag: str
    crc64: str | None


@dataclass(frozen=True, kw_only=True)
class UnfinishedUpload:
    """An upload that was begun and neither completed nor aborted; its parts cost money."""

    key: str
    upload: str
    begun_ns: int


class Body(Protocol):
    """Bytes to send, which can be read again for a repeated request."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def pieces(self) -> Iterable[bytes | memoryview]:
        """The bytes from the beginning; pieces are valid until the next one is asked for."""


@dataclass(frozen=True)
class SmallWrite:
    """A small object to write, with the caller's ``index`` for it."""

    index: int
    key: str
    content: bytes
    crc64: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class SmallRead:
    """A small object to read whole, as it was listed, with the caller's ``index`` for it."""

    index: int
    key: str
    size: int
    etag: str


Take = Callable[[int, memoryview], None]
"""Takes a piece of an object that arrives, with its offset from the first byte asked for."""


class ObjectData(Protocol):
    """The objects of one bucket. All methods block, repeat transient errors, and raise ``CloudError`` and its
    subclasses. Thread-safe.
    """

    @property
    def address(self) -> str:
        """``s3://BUCKET``."""

    @property
    def place(self) -> str:
        """Identifies the bucket among all services: the address with the endpoint."""

    @property
    def sent_bytes(self) -> int:
        """Bytes of objects that were put on the wire so far, repeated ones included."""

    @property
    def clock_offset_ns(self) -> int:
        """The store's clock minus this machine's, as of its last answer; 0 before."""

    def listed(self, prefix: str) -> Iterator[ListedObject]:
        """All objects whose key begins with ``prefix``, in the order of their keys. Raises ``NotFoundError``
        without the bucket."""

    def facts(self, key: str) -> ObjectFacts | None:
        """The facts of one object; None when there is none."""

    def read(
        self, key: str, into: memoryview, *, first: int = 0, etag: str | None = None, whole: bool = False
    ) -> tuple[int, ObjectFacts]:
        """Fills ``into`` from byte ``first`` of the object; the number of bytes read, and the object's facts.

        ``whole`` reads the object without a range, so that the answer carries its checksum. Raises
        ``ObjectChangedError`` when the object is not the one with ``etag``, or larger than ``into`` for a
        whole read; ``NotFoundError`` when it is gone.
        """

    def stream(self, key: str, take: Take, *, first: int, size: int, etag: str) -> tuple[int, ObjectFacts]:
        """Gives ``size`` bytes from byte ``first`` of the object to ``take``, piece by piece, in order; the
        number of bytes given, and the object's facts. A piece is valid during the call.

        Begins again with offset 0 when the connection breaks. Raises as ``read`` does, and what ``take``
        raises.
        """

    def write(
        self, key: str, body: Body, *, crc64: str, metadata: Mapping[str, str], encoding: str | None = None
    ) -> ObjectFacts:
        """Writes a whole object; the store refuses a body with another CRC64NVME."""

    def write_many(
        self, writes: Iterator[SmallWrite], written: Callable[[SmallWrite], None], *, at_once: int
    ) -> None:
        """Writes small objects on the calling thread, ``at_once`` at a time, and tells of those that were
        written.

        The rest is for ``write``: nothing is repeated here, and no error of the store is raised. Takes no
        more once many in a row could not be written. Raises what ``writes`` and ``written`` raise.
        """

    def read_many(
        self,
        reads: Iterator[SmallRead],
        arrived: Callable[[SmallRead, memoryview, ObjectFacts], None],
        *,
        at_once: int,
    ) -> None:
        """Reads small objects on the calling thread, ``at_once`` at a time; content is valid during
        ``arrived``.

        What does not arrive is for ``read``, as with ``write_many``. An object that has another ETag or size
        than asked for does not arrive.
        """

    def copy(self, key: str, source: CopySource, algorithm: Algorithm) -> ObjectFacts:
        """Makes an object of at most 5 GB of another one inside the store, with its metadata; the facts have
        a checksum by ``algorithm`` if the store keeps it. Raises ``ObjectChangedError`` and
        ``NotFoundError`` as ``read`` does."""

    def begin(
        self,
        key: str,
        *,
        metadata: Mapping[str, str],
        encoding: str | None = None,
        described: Mapping[str, str] | None = None,
    ) -> str:
        """Begins an upload in parts with a CRC64NVME of the whole; its id. Not repeated after an answer that
        did not arrive: the caller looks for uploads without an id first."""

    def copy_part(
        self, key: str, upload: str, number: int, source: CopySource, *, first: int, size: int
    ) -> UploadedPart:
        """Makes one part of ``size`` bytes of another object inside the store. Raises as ``copy`` does, and
        ``NotFoundError`` when the upload was ended."""

    def write_part(self, key: str, upload: str, number: int, body: Body, *, crc64: str) -> str:
        """Writes one part; its ETag. Raises ``NotFoundError`` when the upload was ended."""

    def parts(self, key: str, upload: str) -> Sequence[UploadedPart] | None:
        """The parts that arrived, in order; None when the upload was completed or aborted."""

    def complete(
        self, key: str, upload: str, parts: Sequence[UploadedPart], *, crc64: str | None
    ) -> ObjectFacts:
        """Makes the object of all parts; the store refuses if its CRC64NVME is another than ``crc64``, which
        is None where nobody knows it."""

    def abort(self, key: str, upload: str) -> None:
        """Ends an upload and frees its parts. Idempotent."""

    def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """The unfinished uploads of keys that begin with ``prefix``."""

    def delete(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Deletes at most 1000 objects; why, by key, for those that could not be. Idempotent."""
