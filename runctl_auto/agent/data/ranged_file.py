"""A large file of a data source on its way: fetched in ranges, continued after the agent was killed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.store.object_sums import CHECKSUM_MODE, sum_of
from runctl_auto.agent.store.ranges import RANGE_BYTES, Arrived, Ranges, SharedFile, fetch_range
from runctl_auto.agent.store.s3 import S3, StoredObject


class RangedFile:
    """The object `stored` on its way to `part`. Beside it a file lists the ranges that are there."""

    def __init__(
        self, s3: S3, stored: StoredObject, part: Path, arrived: Arrived, *, step: int = RANGE_BYTES
    ) -> None:
        self._s3 = s3
        self._stored = stored
        self._part = part
        self._list = part.with_name(f"{part.name}.ranges")
        self._arrived = arrived
        self._ranges = Ranges(stored.size, step)
        self._lock = threading.Lock()
        self._there = self._listed()
        if not self._there:
            self._list.unlink(missing_ok=True)
        part.touch(0o600)
        self._opened = part.open("r+b", buffering=0)
        self._opened.truncate(stored.size)
        self._file = SharedFile(self._opened.fileno())
        for number in self._there:
            arrived(self._ranges.bounds(number)[1])

    def missing(self) -> Sequence[int]:
        """The ranges to fetch; if all are there the last one, whose arrival completes the file."""
        found = [number for number in self._ranges.numbers() if number not in self._there]
        if not found:
            found = [self._ranges.numbers()[-1]]
            self._there.discard(found[0])
            self._arrived(-self._ranges.bounds(found[0])[1])
        return found

    def fetch(self, number: int) -> bool:
        """Fetches a range; whether it was the last one, and the file is complete and verified."""
        etag, bounds = self._stored.etag, self._ranges.bounds(number)
        counted = _Counted(self._arrived)

        def attempt() -> None:
            counted.start_over()
            fetch_range(self._s3, self._stored.key, bounds, self._file, etag=etag, arrived=counted.arrived)

        self._s3.retried(attempt)
        with self._lock:
            with self._list.open("a", encoding="ascii") as listed:
                listed.write(f"{number}\n")
            self._there.add(number)
            is_whole = len(self._there) == len(self._ranges.numbers())
        if is_whole:
            self._opened.close()
            self._verify()
        return is_whole

    def forget(self) -> None:
        """Removes what is beside the file, which is in its place."""
        self._list.unlink(missing_ok=True)

    def _listed(self) -> set[int]:
        if not self._part.exists():
            return set()
        found: set[int] = set()
        with suppress(FileNotFoundError):
            lines = self._list.read_text(encoding="ascii").split("\n")
            # What is behind the last line break was not written whole.
            found = {int(line) for line in lines[:-1] if line.isdigit()}
        return found & set(self._ranges.numbers())

    def _verify(self) -> None:
        key = self._stored.key

        def attempt() -> dict[str, str]:
            with self._s3.requests.send("HEAD", key, headers=CHECKSUM_MODE) as answer:
                return answer.headers

        expected = sum_of(self._s3.retried(attempt), self._stored.etag)
        if expected is not None and not expected.is_of(self._part):
            self._list.unlink(missing_ok=True)
            self._part.unlink()
            raise IntegrityError(f"{key} arrived with another content than its checksum says")


class _Counted:
    """Counts what arrived of a range, and takes it back when it is fetched again."""

    def __init__(self, arrived: Arrived) -> None:
        self._tell = arrived
        self._count = 0

    def arrived(self, count: int) -> None:
        self._count += count
        self._tell(count)

    def start_over(self) -> None:
        if self._count:
            count, self._count = self._count, 0
            self._tell(-count)
