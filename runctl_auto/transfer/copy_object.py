"""Makes one object of another one inside the store: small ones at once, large ones in parts that a later
command takes up.

What is copied is compared by checksum where the source has one over the whole object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runctl_auto.errors import DamagedDataError, NotFoundError, RunctlError
from runctl_auto.providers.objects import CopySource, ObjectData, ObjectFacts, UploadedPart, WholeSum
from runctl_auto.transfer.entries import RemoteEntry
from runctl_auto.transfer.journal import DonePart, Journal, open_journal
from runctl_auto.transfer.meter import Meter
from runctl_auto.transfer.part_upload import PartUpload
from runctl_auto.transfer.parts import Parts, PartsInFlight, whole_sum
from runctl_auto.transfer.upload import journal_path, part_size
from runctl_auto.transfer.workers import Failures, Workers

COPY_PART_BYTES = 64 << 20
"""A part, and the largest object that is copied by one request: the store copies parts side by side."""


@dataclass(frozen=True, kw_only=True)
class Copying:
    """What all objects of a copy share. ``unverified`` collects paths whose source has no checksum."""

    source: ObjectData
    target: ObjectData
    workers: Workers
    failures: Failures
    journals: Path
    meter: Meter = field(default_factory=Meter)
    part_bytes: int = COPY_PART_BYTES
    now_ns: Callable[[], int] = lambda: 0
    unverified: list[str] = field(default_factory=list)

    @property
    def source_bucket(self) -> str:
        return self.source.address.removeprefix("s3://")


def copy(shared: Copying, entry: RemoteEntry, key: str) -> None:
    """Copies one object to ``key``. Returns when its work is queued; blocks while the queue is full.

    Failures of the object are noted in ``shared.failures``. Raises what concerns all objects.
    """
    if entry.size <= shared.part_bytes:
        shared.workers.submit(lambda _: _copy_whole(shared, entry, key))
        return
    try:
        _LargeCopy(shared, entry, key, _facts_of(shared, entry)).start()
    except RunctlError as error:
        shared.failures.take(entry.path, error)


def _copy_whole(shared: Copying, entry: RemoteEntry, key: str) -> None:
    try:
        facts = _facts_of(shared, entry)
        expected = facts.whole_sum
        source = CopySource(bucket=shared.source_bucket, key=entry.key, etag=facts.etag)
        made = shared.target.copy(key, source, expected.algorithm if expected else "crc64nvme")
        found = made.whole_sum
        if expected is not None and found is None:
            there = shared.target.facts(key)
            found = there.whole_sum if there is not None else None
        _compare(shared, entry, key, expected, found)
    except RunctlError as error:
        shared.failures.take(entry.path, error)
        return
    shared.meter.moved(entry.size, files=1)


def _facts_of(shared: Copying, entry: RemoteEntry) -> ObjectFacts:
    found = shared.source.facts(entry.key)
    if found is None:
        raise NotFoundError(
            f"{shared.source.address}/{entry.key} is gone.", code="NoSuchKey", where={"key": entry.key}
        )
    return found


def _compare(
    shared: Copying, entry: RemoteEntry, key: str, expected: WholeSum | None, found: WholeSum | None
) -> None:
    if expected is None or found is None or expected.algorithm != found.algorithm:
        shared.unverified.append(entry.path)
    elif expected != found:
        raise DamagedDataError(
            f"The copy {shared.target.address}/{key} has another checksum than its source.",
            where={"key": key},
            next_step=f"Delete it and repeat the command; {shared.source.address}/{entry.key} is unchanged.",
        )


class _LargeCopy:
    """An object that is copied in parts: planned by the submitting thread, finished by that of the last
    part.
    """

    def __init__(self, shared: Copying, entry: RemoteEntry, key: str, facts: ObjectFacts) -> None:
        self._shared = shared
        self._entry = entry
        self._key = key
        self._source = CopySource(bucket=shared.source_bucket, key=entry.key, etag=facts.etag)
        self._facts = facts
        self._parts = Parts(size=facts.size, part_bytes=part_size(facts.size, shared.part_bytes))
        self._moving = PartsInFlight(shared.workers, shared.failures, entry.path, self._ended)
        self._journal: Journal
        self._upload: PartUpload

    def start(self) -> None:
        self._journal = open_journal(journal_path(self._shared.journals, self._shared.target, self._key))
        self._upload = PartUpload(
            self._shared.target, self._key, self._journal, begin=self._begin, is_complete=self._is_complete
        )
        try:
            done = self._upload.take_up(self._told(), self._there)
        except BaseException:
            self._journal.close()
            raise
        if done is None:
            self._finished(at_hand=self._facts.size)
            return
        self._shared.meter.at_hand(self._parts.bytes_of(done))
        self._moving.submit(
            [number for number in self._parts.numbers() if number not in done], self._copy_part
        )

    def _begin(self) -> str:
        facts = self._facts
        return self._shared.target.begin(self._key, metadata=facts.metadata, described=facts.described)

    def _there(self, listed: Iterable[UploadedPart]) -> dict[int, DonePart]:
        found = {}
        for part in listed:
            noted = self._journal.parts.get(part.number)
            fits = self._parts.has(part.number, part.size)
            if noted is not None and fits and noted.etag == part.etag:
                found[part.number] = noted
        return found

    def _told(self) -> dict[str, Any]:
        return {
            "place": self._shared.target.place,
            "key": self._key,
            "copy_of": {"bucket": self._source.bucket, "key": self._source.key, "etag": self._source.etag},
            "size": self._facts.size,
            "part_bytes": self._parts.part_bytes,
            "at_ns": self._shared.now_ns(),
        }

    def _copy_part(self, number: int, _: memoryview) -> None:
        first, size = self._parts.bounds(number)
        made = self._shared.target.copy_part(
            self._key, self._upload.id, number, self._source, first=first, size=size
        )
        self._journal.arrived(DonePart(number=number, size=size, crc64=made.crc64 or "", etag=made.etag))
        self._shared.meter.moved(size)

    def _ended(self) -> None:
        if self._moving.failed:
            self._journal.close()
            return
        try:
            self._complete()
        except (RunctlError, OSError) as error:
            self._journal.close()
            self._shared.failures.take(self._entry.path, error)

    def _complete(self) -> None:
        parts = [self._journal.parts[number] for number in self._parts.numbers()]
        of_parts = self._sum_of(parts)
        expected = self._facts.whole_sum
        wanted = expected if expected is not None and expected.algorithm == "crc64nvme" else of_parts
        if wanted is not None and of_parts not in (None, wanted):
            self._upload.give_up()
            _compare(self._shared, self._entry, self._key, wanted, of_parts)
        made = self._upload.complete(parts, wanted.value if wanted else None)
        found = wanted if made is None else made.whole_sum or of_parts
        self._upload.forget()
        _compare(self._shared, self._entry, self._key, expected, found)
        self._shared.meter.moved(0, files=1)

    @staticmethod
    def _sum_of(parts: list[DonePart]) -> WholeSum | None:
        if not all(each.crc64 for each in parts):
            return None
        return WholeSum(algorithm="crc64nvme", value=whole_sum(parts))

    def _is_complete(self) -> bool:
        """Whether the upload that is gone became the object: its answer was lost."""
        there = self._shared.target.facts(self._key)
        expected = self._facts.whole_sum
        if expected is None or expected.algorithm != "crc64nvme":
            noted = self._journal.parts
            whole = len(noted) == len(self._parts.numbers())
            expected = self._sum_of([noted[number] for number in sorted(noted)]) if whole else None
        return (
            there is not None
            and expected is not None
            and there.size == self._facts.size
            and there.whole_sum == expected
        )

    def _finished(self, at_hand: int) -> None:
        self._upload.forget()
        self._shared.meter.at_hand(at_hand)
        self._shared.meter.moved(0, files=1)
