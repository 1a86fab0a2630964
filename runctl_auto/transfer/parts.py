"""The parts of one large file: where each lies, the checksum of all, and the threads that move them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runctl_auto.errors import RunctlError
from runctl_auto.local.crc64 import combined, decoded, encoded
from runctl_auto.transfer.journal import DonePart
from runctl_auto.transfer.workers import Failures, Workers


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A file of ``size`` bytes in parts of ``part_bytes``, the last one shorter; numbered from 1."""

    size: int
    part_bytes: int

    def numbers(self) -> range:
        return range(1, -(-self.size // self.part_bytes) + 1)

    def bounds(self, number: int) -> tuple[int, int]:
        """First byte and size of a part."""
        first = (number - 1) * self.part_bytes
        return first, min(self.part_bytes, self.size - first)

    def bytes_of(self, numbers: Iterable[int]) -> int:
        return sum(self.bounds(number)[1] for number in numbers)

    def has(self, number: int, size: int) -> bool:
        """Whether there is a part ``number`` and it has ``size`` bytes."""
        return number in self.numbers() and self.bounds(number)[1] == size


def whole_sum(parts: Iterable[DonePart]) -> str:
    """The CRC64NVME of a file from those of all its parts, in their order."""
    return encoded(combined((decoded(each.crc64), each.size) for each in parts))


class PartsInFlight:
    """Queues the parts of one file. The thread of the last part calls ``finish``, also after a failure.

    Of the failures of a file the first is noted, and the parts that have not begun by then are left out.
    """

    def __init__(self, workers: Workers, failures: Failures, path: str, finish: Callable[[], None]) -> None:
        self._workers = workers
        self._failures = failures
        self._path = path
        self._finish = finish
        self._lock = threading.Lock()
        self._left = 0
        self.failed = False

    def submit(self, numbers: list[int], move: Callable[[int, memoryview], None]) -> None:
        """Queues ``move`` for each of ``numbers``; without any, the end. Blocks while the queue is full."""
        self._left = max(1, len(numbers))
        if not numbers:
            self._workers.submit(lambda _: self._one_less())
        for number in numbers:
            self._workers.submit(lambda buffer, number=number: self._run(move, number, buffer))  # type: ignore[misc]

    def _run(self, move: Callable[[int, memoryview], None], number: int, buffer: memoryview) -> None:
        if not self.failed:
            try:
                move(number, buffer)
            except (RunctlError, OSError) as error:
                self._fail(error)
        self._one_less()

    def _fail(self, error: Exception) -> None:
        with self._lock:
            first, self.failed = not self.failed, True
        if first:
            self._failures.take(self._path, error)

    def _one_less(self) -> None:
        with self._lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            self._finish()
