"""Fetches objects to files: verified against the checksum of the whole object, put in place when complete.

A large file arrives beside its place, in ranges of one version of the object (If-Match), and a journal says
which are there; a later command reads those again and fetches the rest.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runctl_auto.agent.store.parallel import for_each
from runctl_auto.errors import CloudError, DamagedDataError, ObjectChangedError, RunctlError
from runctl_auto.local.crc64 import crc64, encoded
from runctl_auto.providers.objects import ObjectData, ObjectFacts
from runctl_auto.transfer import compression
from runctl_auto.transfer.entries import Attributes, RemoteEntry, attributes_of
from runctl_auto.transfer.journal import DonePart, Journal, open_journal
from runctl_auto.transfer.local_tree import ARRIVING
from runctl_auto.transfer.meter import Meter
from runctl_auto.transfer.pace import Pace
from runctl_auto.transfer.parts import Parts, PartsInFlight, whole_sum
from runctl_auto.transfer.processes import Tell, in_processes
from runctl_auto.transfer.whole_sums import RunningSum, sum_of_file
from runctl_auto.transfer.workers import PART_BYTES, Failures, Workers

_ATTEMPTS = 3
"""How often bytes are fetched that arrive damaged."""
_IN_MEMORY = 64 << 20
"""A small compressed object is decompressed in memory up to this size of the original."""
_PRIVATE = 0o600
_MANY_RANGES, _LARGER = 64, 4
SHARED_BYTES = 256 << 20
"""From this size a file is fetched by several processes: one process writes what one processor can."""


@dataclass(frozen=True, kw_only=True)
class LinkToMake:
    """A link that is made when all files are in place."""

    path: str
    target: str
    attributes: Attributes


@dataclass(frozen=True, kw_only=True)
class Receiving:
    """What all files of a download share. ``usual_mode`` is that of new files here.

    With more than one of ``processes``, large objects are fetched by others than this one, ``at_once`` parts
    at a time. No thread may send requests until all are: ``left`` collects what the threads have to do then.
    ``links`` collects what is made at the end; ``unverified`` the paths whose objects have no checksum of the
    whole.
    """

    data: ObjectData
    workers: Workers
    failures: Failures
    usual_mode: int = 0o644
    meter: Meter = field(default_factory=Meter)
    pace: Pace = field(default_factory=lambda: Pace(None))
    part_bytes: int = PART_BYTES
    at_once: int = 1
    processes: int = 1
    left: list[Callable[[], None]] = field(default_factory=list)
    links: list[LinkToMake] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)


def range_size(size: int, usual: int) -> int:
    """Bytes of a range: more for a large object, as each range costs a request and an extent on the disk."""
    return _LARGER * usual if size >= _MANY_RANGES * usual else usual


def fetch(shared: Receiving, entry: RemoteEntry, target: Path) -> None:
    """Fetches one object to ``target``, whose folder exists. Returns when its work is queued.

    Failures of the file are noted in ``shared.failures``. Raises what concerns all files.
    """
    if entry.size <= shared.part_bytes:
        shared.workers.submit(lambda buffer: _fetch_whole(shared, entry, target, buffer))
        return
    try:
        _LargeObject(shared, entry, target).fetch()
    except (RunctlError, OSError) as error:
        shared.failures.take(entry.path, error)


def _fetch_whole(shared: Receiving, entry: RemoteEntry, target: Path, buffer: memoryview) -> None:
    try:
        _arrive_whole(shared, entry, target, buffer)
    except (RunctlError, OSError) as error:
        shared.failures.take(entry.path, error)
        return
    shared.meter.moved(entry.size, files=1)


def _arrive_whole(shared: Receiving, entry: RemoteEntry, target: Path, buffer: memoryview) -> None:
    shared.pace.take(entry.size)
    count, facts = _read_verified(shared, entry, buffer)
    content: bytes | memoryview = buffer[:count]
    attributes = attributes_of(dict(facts.metadata))
    original = compression.original_of(facts.metadata)
    if attributes.is_link:
        shared.links.append(
            LinkToMake(path=entry.path, target=os.fsdecode(bytes(content)), attributes=attributes)
        )
        return
    arriving = f"{arriving_path(shared.data, entry, target)}-{os.getpid()}"
    with _writable(arriving) as file:
        if original is not None and original.size > _IN_MEMORY:
            packed = Path(f"{arriving}.zst")
            packed.write_bytes(content)
            compression.decompress_file(packed, file, original, entry.path)
            packed.unlink()
        else:
            if original is not None:
                content = compression.decompressed(content, original, entry.path)
            _write_all(file, content, 0)
        _settle(file, attributes, entry, shared.usual_mode)
    os.replace(arriving, target)


def _read_verified(shared: Receiving, entry: RemoteEntry, buffer: memoryview) -> tuple[int, ObjectFacts]:
    for attempt in range(_ATTEMPTS):
        count, facts = shared.data.read(entry.key, buffer[: entry.size], etag=entry.etag, whole=True)
        if count != entry.size:
            raise _replaced(entry)
        if facts.whole_sum is None:
            shared.unverified.append(entry.path)
            return count, facts
        running = RunningSum(facts.whole_sum.algorithm)
        running.update(buffer[:count])
        if running.value() == facts.whole_sum.value:
            return count, facts
        if attempt + 1 == _ATTEMPTS:
            break
    raise _damaged(entry)


class _LargeObject:
    """An object that is fetched in ranges: planned by the submitting thread, finished by that of the last."""

    def __init__(self, shared: Receiving, entry: RemoteEntry, target: Path) -> None:
        self._shared = shared
        self._entry = entry
        self._target = target
        self._arriving = arriving_path(shared.data, entry, target)
        self._parts = Parts(size=entry.size, part_bytes=range_size(entry.size, shared.part_bytes))
        self._moving = PartsInFlight(shared.workers, shared.failures, entry.path, self._ended)
        self._facts: ObjectFacts
        self._journal: Journal
        self._file = -1
        self._writing = threading.Lock()

    def fetch(self) -> None:
        facts = self._shared.data.facts(self._entry.key)
        if facts is None or facts.etag != self._entry.etag or facts.size != self._entry.size:
            raise _replaced(self._entry)
        self._facts = facts
        self._journal = open_journal(self._arriving.with_name(f"{self._arriving.name}.journal"))
        try:
            done = self._take_up()
        except BaseException:
            self._close()
            raise
        self._shared.meter.at_hand(self._parts.bytes_of(done))
        missing = [number for number in self._parts.numbers() if number not in done]
        if self._shared.processes > 1 and self._parts.bytes_of(missing) >= SHARED_BYTES:
            missing = self._fetch_in_processes(missing)
            if missing:
                self._shared.left.append(lambda: self._moving.submit(missing, self._fetch_part))
                return
        self._moving.submit(missing, self._fetch_part)

    def _fetch_in_processes(self, missing: list[int]) -> list[int]:
        """Fetches parts in other processes; those that are left, where something went wrong."""
        shared = self._shared

        def work(indexes: Iterator[int], tell: Tell, processes: int) -> None:
            for_each(
                indexes,
                lambda index: tell(index, self._stream(missing[index])),
                -(-shared.at_once // processes),
            )

        def arrived(index: int, value: int) -> None:
            self._arrived(missing[index], value)

        in_processes(len(missing), work, arrived, number=shared.processes)
        return [number for number in missing if number not in self._journal.parts]

    def _take_up(self) -> set[int]:
        """The parts that are there, as they were received; makes room for the rest."""
        facts = self._identity()
        existed = self._arriving.exists()
        self._file = os.open(self._arriving, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        if self._journal.facts != facts or not existed:
            self._journal.start_over(facts)
            _empty(self._file)
        os.ftruncate(self._file, self._entry.size)
        # A machine that lost its power may have the journal and not the bytes.
        whole = {number: part for number, part in self._journal.parts.items() if self._is_there(part)}
        self._journal.parts = whole
        return set(whole)

    def _is_there(self, part: DonePart) -> bool:
        if not self._parts.has(part.number, part.size):
            return False
        first, value, done = self._parts.bounds(part.number)[0], 0, 0
        while done < part.size:
            piece = os.pread(self._file, min(1 << 20, part.size - done), first + done)
            if not piece:
                return False
            value, done = crc64(piece, value), done + len(piece)
        return encoded(value) == part.crc64

    def _identity(self) -> dict[str, Any]:
        return {
            "place": self._shared.data.place,
            "key": self._entry.key,
            "etag": self._entry.etag,
            "size": self._entry.size,
            "part_bytes": self._parts.part_bytes,
        }

    def _fetch_part(self, number: int, _buffer: memoryview) -> None:
        self._shared.pace.take(self._parts.bounds(number)[1])
        self._arrived(number, self._stream(number))

    def _stream(self, number: int) -> int:
        """Writes a part to its place; its CRC64NVME."""
        first, size = self._parts.bounds(number)
        value = 0

        def take(at: int, piece: memoryview) -> None:
            nonlocal value
            value = crc64(piece, value if at else 0)
            with self._writing:  # the kernel lets one at a time write to a file, and the others wait spinning
                _write_all(self._file, piece, first + at)

        entry = self._entry
        count, _ = self._shared.data.stream(entry.key, take, first=first, size=size, etag=entry.etag)
        if count != size:
            raise _replaced(entry)
        return value

    def _arrived(self, number: int, value: int) -> None:
        size = self._parts.bounds(number)[1]
        self._journal.arrived(DonePart(number=number, size=size, crc64=encoded(value)))
        self._shared.meter.moved(size)

    def _ended(self) -> None:
        try:
            if not self._moving.failed:
                self._finish()
        except (RunctlError, OSError) as error:
            self._shared.failures.take(self._entry.path, error)
        finally:
            self._close()

    def _finish(self) -> None:
        if not self._is_verified():
            # Which part is damaged cannot be told from the checksum of the whole.
            self._remove()
            raise _damaged(self._entry)
        attributes = attributes_of(dict(self._facts.metadata))
        original = compression.original_of(self._facts.metadata)
        if original is None:
            _settle(self._file, attributes, self._entry, self._shared.usual_mode)
            self._arriving.replace(self._target)
        else:
            self._decompress(original, attributes)
        self._remove()
        self._shared.meter.moved(0, files=1)

    def _decompress(self, original: compression.Original, attributes: Attributes) -> None:
        whole = self._arriving.with_name(f"{self._arriving.name}.whole")
        try:
            with _writable(whole) as file:
                compression.decompress_file(self._arriving, file, original, self._entry.path)
                _settle(file, attributes, self._entry, self._shared.usual_mode)
        except DamagedDataError:
            self._remove()
            raise
        whole.replace(self._target)

    def _is_verified(self) -> bool:
        told = self._facts.whole_sum
        if told is None:
            self._shared.unverified.append(self._entry.path)
            return True
        if told.algorithm == "crc64nvme":
            return whole_sum(self._journal.parts[number] for number in self._parts.numbers()) == told.value
        return sum_of_file(self._file, self._entry.size, told.algorithm) == told.value

    def _remove(self) -> None:
        self._arriving.unlink(missing_ok=True)
        self._journal.remove()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._journal.close()


def arriving_path(data: ObjectData, entry: RemoteEntry, target: Path) -> Path:
    """Where the object arrives: beside its place, under a name that depends on both."""
    name = hashlib.sha256(f"{data.place}\n{entry.key}\n{target.name}".encode(errors="surrogateescape"))
    return target.with_name(f"{ARRIVING}{name.hexdigest()[:24]}")


def remove_stale(
    arriving: list[Path], place: str, prefix: str, *, older_than: float = 3600.0, now: float | None = None
) -> None:
    """Removes what killed commands left on its way of objects below ``prefix`` and nobody takes up any more.

    Keeps what another command holds, and files without a journal for ``older_than`` seconds: another command
    may be writing them.
    """
    journals = {each for each in arriving if each.name.endswith(".journal")}
    for each in journals:
        try:
            held = open_journal(each)
        except RunctlError:
            continue
        if held.facts.get("place") == place and str(held.facts.get("key", "")).startswith(prefix):
            each.with_name(each.name.removesuffix(".journal")).unlink(missing_ok=True)
            held.remove()
        held.close()
    moment = time.time() if now is None else now
    for each in arriving:
        has_journal = each.with_name(f"{each.name}.journal") in journals
        with suppress(FileNotFoundError):
            if each not in journals and not has_journal and moment - each.stat().st_mtime > older_than:
                each.unlink()


def _settle(file: int, attributes: Attributes, entry: RemoteEntry, usual_mode: int) -> None:
    permissions = attributes.permissions
    os.fchmod(file, usual_mode if permissions is None else permissions)
    moment = attributes.mtime_ns if attributes.mtime_ns is not None else entry.modified_ns
    os.utime(file, ns=(moment, moment))


@contextmanager
def _writable(path: Path | str) -> Iterator[int]:
    """The new file at ``path``, which is removed if it is not finished."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    file = os.open(path, flags, _PRIVATE)
    try:
        yield file
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


def _empty(file: int) -> None:
    """Truncates a file, but not one that is empty: ext4 would write it to the disk before it is closed."""
    if os.fstat(file).st_size:
        os.ftruncate(file, 0)


def _write_all(file: int, content: bytes | memoryview, at: int) -> None:
    view = memoryview(content)
    while view:
        count = os.pwrite(file, view, at)
        view, at = view[count:], at + count


def _replaced(entry: RemoteEntry) -> ObjectChangedError:
    return ObjectChangedError(
        f"{entry.path} changed in the bucket while it was fetched.",
        where={"key": entry.key},
        next_step="Repeat the command: it takes the new object, whole.",
    )


def _damaged(entry: RemoteEntry) -> CloudError:
    return DamagedDataError(
        f"{entry.path} did not arrive as it is stored: its checksum is another. It was not kept.",
        where={"key": entry.key},
        next_step="Repeat the command. If it stays so, something on the way from S3 changes the data.",
    )
