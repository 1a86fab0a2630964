"""Sends files to a bucket: small ones whole, large ones in parts that a later command takes up.

``part_upload`` makes every crash recoverable; a part is noted after it has arrived. What the store lists
counts; the journal says which file the parts are of.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runctl_auto.errors import CloudError, DamagedDataError, FileChangedError, RunctlError
from runctl_auto.local.crc64 import crc64, encoded
from runctl_auto.providers.objects import ObjectData, UploadedPart
from runctl_auto.transfer import compression
from runctl_auto.transfer.bodies import FileRange, InMemory
from runctl_auto.transfer.entries import Attributes, LocalEntry
from runctl_auto.transfer.journal import DonePart, Journal, open_journal
from runctl_auto.transfer.meter import Meter
from runctl_auto.transfer.pace import Pace
from runctl_auto.transfer.part_upload import PartUpload
from runctl_auto.transfer.parts import Parts, PartsInFlight, whole_sum
from runctl_auto.transfer.workers import PART_BYTES, Failures, Workers

MOST_PARTS = 10_000
"""S3's limit of parts in one upload."""
USUAL_PARTS = 256
"""Stores that keep objects as files note the sizes of parts in an attribute, which ext4 limits to 4 KiB."""
USUAL_PART_BYTES = 512 << 20
"""A larger part only where S3's limit asks for it: a part that is cut off is sent again."""
_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What all files of an upload share. ``journals`` is a folder of this person."""

    data: ObjectData
    workers: Workers
    failures: Failures
    journals: Path
    meter: Meter = field(default_factory=Meter)
    pace: Pace = field(default_factory=lambda: Pace(None))
    part_bytes: int = PART_BYTES
    compress: bool = False
    now_ns: Callable[[], int] = lambda: 0


def part_size(size: int, wanted: int) -> int:
    """Bytes of a part: ``wanted``, or more for a file of more than 256 such parts, in whole MiB."""
    usual = min(-(-size // USUAL_PARTS), USUAL_PART_BYTES)
    least = max(usual, -(-size // MOST_PARTS))
    return wanted if least <= wanted else -(-least // _PIECE) * _PIECE


def send(shared: Sending, source: Path, entry: LocalEntry, key: str) -> None:
    """Sends one entry. Returns when its work is queued; blocks while the queue is full.

    Failures of the file are noted in ``shared.failures``. Raises what concerns all files.
    """
    if entry.kind != "file" or entry.size <= shared.part_bytes:
        shared.workers.submit(lambda buffer: _send_whole(shared, source, entry, key, buffer))
        return
    try:
        _LargeFile(shared, source, entry, key).send()
    except (RunctlError, OSError) as error:
        shared.failures.take(entry.path, error)


def _send_whole(shared: Sending, source: Path, entry: LocalEntry, key: str, buffer: memoryview) -> None:
    metadata = Attributes(mode=entry.mode, mtime_ns=entry.mtime_ns).as_metadata()
    try:
        encoding = None
        if entry.kind == "file":
            content: bytes | memoryview = _read_whole(source, entry, buffer)
            if shared.compress:
                smaller = compression.compressed(content)
                if len(smaller) <= 0.9 * len(content):
                    original = compression.Original(size=len(content), crc64=encoded(crc64(content)))
                    content, encoding = smaller, compression.ENCODING
                    metadata.update(original.as_metadata())
        else:
            content = os.fsencode(os.readlink(source)) if entry.kind == "link" else b""
        shared.data.write(
            key,
            InMemory(content, shared.pace),
            crc64=encoded(crc64(content)),
            metadata=metadata,
            encoding=encoding,
        )
    except (RunctlError, OSError) as error:
        shared.failures.take(entry.path, error)
        return
    shared.meter.moved(entry.size, files=1)


def _read_whole(source: Path, entry: LocalEntry, buffer: memoryview) -> memoryview:
    with _opened(source) as file:
        count = os.preadv(file, [buffer[: entry.size]], 0) if entry.size else 0
        _refuse_changed(file, entry)
    if count != entry.size:
        raise _changed(entry)
    return buffer[:count]


class _LargeFile:
    """A file that is sent in parts: planned by the submitting thread, finished by that of the last part."""

    def __init__(self, shared: Sending, source: Path, entry: LocalEntry, key: str) -> None:
        self._shared = shared
        self._entry = entry
        self._key = key
        self._original = source
        self._source = source
        self._size = entry.size
        self._metadata = Attributes(mode=entry.mode, mtime_ns=entry.mtime_ns).as_metadata()
        self._encoding: str | None = None
        self._moving = PartsInFlight(shared.workers, shared.failures, entry.path, self._ended)
        self._hopeless = False
        self._journal: Journal
        self._upload: PartUpload
        self._parts: Parts

    def send(self) -> None:
        shared = self._shared
        self._journal = open_journal(journal_path(shared.journals, shared.data, self._key))
        self._upload = PartUpload(
            shared.data, self._key, self._journal, begin=self._begin, is_complete=self._is_complete
        )
        try:
            self._compress()
            self._parts = Parts(size=self._size, part_bytes=part_size(self._size, shared.part_bytes))
            done = self._upload.take_up(self._facts(), self._arrived)
        except BaseException:
            self._journal.close()
            raise
        if done is None:
            self._finished(at_hand=self._entry.size)
            return
        shared.meter.at_hand(self._counted(self._parts.bytes_of(done)))
        self._moving.submit(
            [number for number in self._parts.numbers() if number not in done], self._send_part
        )

    # Preparation

    def _compress(self) -> None:
        """Compresses the file into the folder of journals, where a later command finds it."""
        spool = self._upload.spool
        if not self._shared.compress:
            spool.unlink(missing_ok=True)
            return
        with _opened(self._original) as file:
            if not compression.pays(file, self._entry.size):
                spool.unlink(missing_ok=True)
                return
            arriving = spool.with_suffix(".zst.tmp")
            original = compression.compress_file(file, self._entry.size, arriving)
            _refuse_changed(file, self._entry)
        arriving.replace(spool)
        self._source, self._size = spool, spool.stat().st_size
        self._metadata.update(original.as_metadata())
        self._encoding = compression.ENCODING

    def _begin(self) -> str:
        return self._shared.data.begin(self._key, metadata=self._metadata, encoding=self._encoding)

    def _arrived(self, listed: Iterable[UploadedPart]) -> dict[int, DonePart]:
        """The listed parts that are those of the file; one without a line in the journal is compared."""
        found: dict[int, DonePart] = {}
        for part in listed:
            if not self._parts.has(part.number, part.size):
                continue
            noted = self._journal.parts.get(part.number)
            if noted is None and part.crc64 is not None and self._crc_of(part.number) == part.crc64:
                noted = DonePart(number=part.number, size=part.size, crc64=part.crc64, etag=part.etag)
                self._journal.arrived(noted)
            if noted is not None and noted.etag == part.etag and part.crc64 in (None, noted.crc64):
                found[part.number] = noted
        return found

    def _crc_of(self, number: int) -> str:
        first, size = self._parts.bounds(number)
        with _opened(self._source) as file:
            buffer = memoryview(bytearray(min(_PIECE, size)))
            return encoded(FileRange(file, first, size, buffer, Pace(None)).crc64())

    def _is_complete(self) -> bool:
        """Whether the upload that is gone became the object: its answer was lost."""
        parts = self._journal.parts
        if len(parts) != len(self._parts.numbers()):
            return False
        there = self._shared.data.facts(self._key)
        whole = whole_sum(parts[number] for number in sorted(parts))
        return (
            there is not None
            and there.size == self._size
            and there.whole_sum is not None
            and there.whole_sum.algorithm == "crc64nvme"
            and there.whole_sum.value == whole
        )

    def _is_there(self) -> bool:
        """Whether the store shows an object that can be the one that it says to have made."""
        there = self._shared.data.facts(self._key)
        return there is not None and (
            there.size == self._size and (there.whole_sum is None or self._is_complete())
        )

    def _facts(self) -> dict[str, Any]:
        entry = self._entry
        return {
            "place": self._shared.data.place,
            "key": self._key,
            "source": os.fspath(self._original.absolute()),
            "size": entry.size,
            "mtime_ns": entry.mtime_ns,
            "inode": entry.inode,
            "sent_bytes": self._size,
            "part_bytes": self._parts.part_bytes,
            "encoding": self._encoding,
            "at_ns": self._shared.now_ns(),
        }

    # Parts

    def _send_part(self, number: int, buffer: memoryview) -> None:
        try:
            self._send_one(number, buffer)
        except FileChangedError:
            self._hopeless = True
            raise

    def _send_one(self, number: int, buffer: memoryview) -> None:
        first, size = self._parts.bounds(number)
        with _opened(self._source) as file:
            if size <= len(buffer):
                if os.preadv(file, [buffer[:size]], first) != size:
                    raise _changed(self._entry)
                value = crc64(buffer[:size])
                body: InMemory | FileRange = InMemory(buffer[:size], self._shared.pace)
            else:
                body = FileRange(file, first, size, buffer, self._shared.pace)
                value = body.crc64()
            self._refuse_changed_source(file)
            etag = self._shared.data.write_part(
                self._key, self._upload.id, number, body, crc64=encoded(value)
            )
        self._journal.arrived(DonePart(number=number, size=size, crc64=encoded(value), etag=etag))
        self._shared.meter.moved(self._counted(size))

    def _refuse_changed_source(self, file: int) -> None:
        if self._source is self._original:
            _refuse_changed(file, self._entry)

    def _counted(self, size: int) -> int:
        """Bytes of the file that ``size`` bytes on the wire stand for."""
        return size if self._size == self._entry.size else size * self._entry.size // max(1, self._size)

    def _ended(self) -> None:
        if self._hopeless:
            self._upload.give_up()
        elif self._moving.failed:
            self._journal.close()
        if self._moving.failed:
            return
        try:
            self._complete()
        except (RunctlError, OSError) as error:
            self._journal.close()
            self._shared.failures.take(self._entry.path, error)

    def _complete(self) -> None:
        with _opened(self._original) as file:
            try:
                _refuse_changed(file, self._entry)
            except FileChangedError:
                self._upload.give_up()
                raise
        parts = [self._journal.parts[number] for number in self._parts.numbers()]
        whole = whole_sum(parts)
        made = self._upload.complete(parts, whole)
        if made is not None:
            if made.whole_sum is not None and made.whole_sum.value != whole:
                raise DamagedDataError(
                    f"{self._entry.path} did not arrive as it was sent: the store has another checksum.",
                    where={"key": self._key},
                    next_step="Repeat the command.",
                )
            # To a repeated request a store may answer that all is well while it is still at work.
            if not self._is_there():
                raise CloudError(
                    f"{self._entry.path} was sent, but the store does not show it.",
                    code="NotThere",
                    where={"key": self._key},
                    next_step="Repeat the command; it continues where it was.",
                )
        self._finished()

    def _finished(self, at_hand: int = 0) -> None:
        self._upload.forget()
        self._shared.meter.at_hand(at_hand)
        self._shared.meter.moved(0, files=1)


def journal_path(folder: Path, data: ObjectData, key: str) -> Path:
    """The journal of an upload to this object: one for each object, whatever is sent to it."""
    name = hashlib.sha256(f"{data.place}\n{key}".encode()).hexdigest()[:32]
    return folder / f"{name}.upload"


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
    try:
        yield file
    finally:
        os.close(file)


def _refuse_changed(file: int, entry: LocalEntry) -> None:
    found = os.fstat(file)
    if (found.st_size, found.st_mtime_ns, found.st_ino) != (entry.size, entry.mtime_ns, entry.inode):
        raise _changed(entry)


def _changed(entry: LocalEntry) -> FileChangedError:
    return FileChangedError(
        f"{entry.path} changed while it was sent.",
        where={"file": entry.path},
        next_step="Repeat the command when nothing writes to it.",
    )
