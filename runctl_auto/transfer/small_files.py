"""Moves trees of small files: many at a time, in several processes, each by one request.

Files that do not go well here (refused, damaged, changed, links) are left to ``upload`` and ``download``,
which repeat, tell errors, and know all forms of files.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from runctl_auto.local.crc64 import crc64, encoded
from runctl_auto.providers.objects import ObjectData, ObjectFacts, SmallRead, SmallWrite
from runctl_auto.transfer import compression
from runctl_auto.transfer.entries import Attributes, LocalEntry, RemoteEntry, attributes_of
from runctl_auto.transfer.local_tree import ARRIVING
from runctl_auto.transfer.meter import Meter
from runctl_auto.transfer.processes import Tell, share_out
from runctl_auto.transfer.whole_sums import RunningSum

SMALL_BYTES = 1 << 20
"""The largest file that is moved here. Each connection has as much memory at most."""
MANY = 32
"""With fewer small files, this way gains nothing."""
_VERIFIED, _UNVERIFIED = 0, 1


@dataclass(frozen=True)
class SmallUpload:
    """A file to send: its path here, its entry and the key of its object."""

    place: str
    entry: LocalEntry
    key: str


@dataclass(frozen=True)
class SmallDownload:
    """An object to fetch and the path here of its file, whose folder exists."""

    entry: RemoteEntry
    place: str


@dataclass
class Moved:
    """What was moved, by index; ``unverified`` of it is without a checksum. ``sent_bytes`` of bodies."""

    indexes: set[int] = field(default_factory=set)
    unverified: list[int] = field(default_factory=list)
    sent_bytes: int = 0


def send_small(
    data: ObjectData,
    files: Sequence[SmallUpload],
    meter: Meter,
    *,
    at_once: int,
    processes: int | None = None,
) -> Moved:
    """Sends files that fit; those that are not in the result are left. Blocks."""
    moved = Moved()

    def tell(index: int, _: int) -> None:
        size = files[index].entry.size
        moved.indexes.add(index)
        moved.sent_bytes += size
        meter.moved(size, files=1)

    def work(indexes: Iterator[int], tell: Tell, processes: int) -> None:
        def written(write: SmallWrite) -> None:
            tell(write.index, _VERIFIED)

        data.write_many(_writes(files, indexes), written, at_once=-(-at_once // processes))

    share_out(len(files), work, tell, processes=processes)
    return moved


def _writes(files: Sequence[SmallUpload], indexes: Iterator[int]) -> Iterator[SmallWrite]:
    for index in indexes:
        file = files[index]
        content = _content(file)
        if content is not None:
            entry = file.entry
            metadata = Attributes(mode=entry.mode, mtime_ns=entry.mtime_ns).as_metadata()
            yield SmallWrite(index, file.key, content, encoded(crc64(content)), metadata)


def _content(file: SmallUpload) -> bytes | None:
    """The content of the file as it was listed; None if it is another by now or cannot be read."""
    entry = file.entry
    try:
        opened = os.open(file.place, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        try:
            content = os.read(opened, entry.size + 1)
            found = os.fstat(opened)
        finally:
            os.close(opened)
    except OSError:
        return None
    is_same = (found.st_size, found.st_mtime_ns, found.st_ino) == (entry.size, entry.mtime_ns, entry.inode)
    return content if is_same and len(content) == entry.size else None


def fetch_small(
    data: ObjectData,
    files: Sequence[SmallDownload],
    meter: Meter,
    *,
    usual_mode: int,
    at_once: int,
    processes: int | None = None,
) -> Moved:
    """Fetches objects that fit; those that are not in the result are left. Blocks.

    ``usual_mode``: of files whose objects state none.
    """
    moved = Moved()

    def tell(index: int, how: int) -> None:
        moved.indexes.add(index)
        if how == _UNVERIFIED:
            moved.unverified.append(index)
        meter.moved(files[index].entry.size, files=1)

    def work(indexes: Iterator[int], tell: Tell, processes: int) -> None:
        is_full = False

        def arrived(read: SmallRead, content: memoryview, facts: ObjectFacts) -> None:
            nonlocal is_full
            try:
                how = _keep(files[read.index], read.index, content, facts, usual_mode)
            except OSError as error:
                is_full = is_full or error.errno in (errno.ENOSPC, errno.EDQUOT)
                return
            if how is not None:
                tell(read.index, how)

        reads = takewhile(lambda _: not is_full, _reads(files, indexes))
        data.read_many(reads, arrived, at_once=-(-at_once // processes))

    share_out(len(files), work, tell, processes=processes)
    return moved


def _reads(files: Sequence[SmallDownload], indexes: Iterator[int]) -> Iterator[SmallRead]:
    for index in indexes:
        entry = files[index].entry
        yield SmallRead(index, entry.key, entry.size, entry.etag)


def _keep(
    file: SmallDownload, index: int, content: memoryview, facts: ObjectFacts, usual_mode: int
) -> int | None:
    """Puts the content in place if it is the object's; None if this is left to others. Raises OSError."""
    how = _VERIFIED
    if facts.whole_sum is None:
        how = _UNVERIFIED
    else:
        running = RunningSum(facts.whole_sum.algorithm)
        running.update(content)
        if running.value() != facts.whole_sum.value:
            return None
    metadata: Mapping[str, str] = facts.metadata
    attributes = attributes_of(dict(metadata))
    if attributes.is_link or compression.original_of(metadata) is not None:
        return None
    mode = usual_mode if attributes.permissions is None else attributes.permissions
    moment = file.entry.modified_ns if attributes.mtime_ns is None else attributes.mtime_ns
    _put(file.place, index, content, mode, moment)
    return how


def _put(place: str, index: int, content: memoryview, mode: int, moment_ns: int) -> None:
    arriving = f"{place.rpartition('/')[0]}/{ARRIVING}{os.getpid()}-{index}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    file = os.open(arriving, flags, 0o600)
    try:
        try:
            if os.pwrite(file, content, 0) != len(content):
                raise OSError(errno.ENOSPC, "the file could not be written whole")
            os.fchmod(file, mode)
            os.utime(file, ns=(moment_ns, moment_ns))
        finally:
            os.close(file)
        os.rename(arriving, place)  # noqa: PTH104 - pathlib costs as much as the rename
    except BaseException:
        Path(arriving).unlink(missing_ok=True)
        raise
