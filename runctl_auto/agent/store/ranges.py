"""Fetches a large object with several connections: ranges of one version of it, each written to its place."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable  # noqa: UP035 (evaluated on Python 3.9)

from runctl_auto.agent.errors import IntegrityError, S3Error, UnreachableError
from runctl_auto.agent.store.parallel import for_each
from runctl_auto.agent.store.s3 import BODY_TIMEOUT_SECONDS, S3

RANGE_BYTES = 16 * 1024 * 1024
"""Objects of more than two ranges are fetched in ranges: a connection to S3 gives about 100 MB a second."""
PIECE_BYTES = 512 * 1024
"""Received, written and hashed at once. Threads that move less hand the interpreter to each other too often:
128 KiB took a fifth more processor time.
"""

Arrived = Callable[[int], object]
"""Hears of bytes that arrived; may raise to stop."""


@dataclass(frozen=True)
class Ranges:
    """An object of `size` bytes in ranges, numbered from 0."""

    size: int
    step: int = RANGE_BYTES

    def numbers(self) -> range:
        return range(-(-self.size // self.step))

    def bounds(self, number: int) -> tuple[int, int]:
        """First byte and length."""
        first = number * self.step
        return first, min(self.step, self.size - first)


class SharedFile:
    """An open file that several threads write to, one at a time: in the kernel others would wait spinning."""

    def __init__(self, file: int) -> None:
        self.file = file
        self._writing = threading.Lock()

    def write(self, content: memoryview, at: int) -> None:
        """Writes all bytes to this place."""
        with self._writing:
            while content:
                count = os.pwrite(self.file, content, at)
                content, at = content[count:], at + count


def fetch_range(
    s3: S3,
    key: str,
    bounds: tuple[int, int],
    file: SharedFile,
    *,
    etag: str = "",
    arrived: Arrived = lambda _: None,
) -> Mapping[str, str]:
    """Writes a range of the object (the one with this ETag, if given) to the same place of an open file; of
    a range that the object ends in, what there is. One attempt.

    Returns the header fields of the answer. Raises AgentError, OSError, and what `arrived` raises.
    """
    first, length = bounds
    headers = {"range": f"bytes={first}-{first + length - 1}"}
    if etag:
        headers["if-match"] = etag
    with s3.requests.send("GET", key, headers=headers, timeout=BODY_TIMEOUT_SECONDS) as answer:
        told = answer.headers.get("content-length", "")
        if not told.isdigit() or int(told) > length or (first and answer.status != 206):
            raise IntegrityError(f"{key}: the store answers a range with another one")
        length = int(told)
        buffer, done = memoryview(bytearray(min(PIECE_BYTES, length) or 1)), 0
        while done < length:
            count = answer.readinto(buffer[: length - done])
            if not count:
                raise UnreachableError(f"{key}: {done} of {length} bytes of a range arrived")
            if s3.limit is not None:
                s3.limit.check()
            file.write(buffer[:count], first + done)
            done += count
            arrived(count)
    return answer.headers


def download_ranges(
    s3: S3, key: str, target: Path, at_most: int, *, step: int = RANGE_BYTES, at_once: int
) -> str:
    """Writes the first `at_most` bytes of the object to `target` with `at_once` connections; their sha256.

    Raises S3Error when the object is replaced meanwhile, AgentError when there is none.
    """
    with target.open("wb+") as opened:
        file = SharedFile(opened.fileno())
        told = _first_range(s3, key, min(at_most, step), file)
        etag = told.get("etag", "")
        ranges = Ranges(min(at_most, _total(told)), step)
        following = _Following(file.file, ranges)
        following.arrived(0)

        def fetch(number: int) -> None:
            bounds = ranges.bounds(number)
            s3.retried(lambda: fetch_range(s3, key, bounds, file, etag=etag))
            following.arrived(number)

        others = ranges.numbers()[1:]
        hashing = threading.Thread(target=following.run, name="hashing")
        hashing.start()
        try:
            for_each(others, fetch, at_once)
        except BaseException:
            following.give_up()
            raise
        finally:
            hashing.join()
        return following.sha256()


def _first_range(s3: S3, key: str, length: int, file: SharedFile) -> Mapping[str, str]:
    """Header fields of the first range, which is written; those of an empty object have no length."""

    def attempt() -> Mapping[str, str]:
        try:
            return fetch_range(s3, key, (0, length), file)
        except S3Error as error:
            if error.status == 416:  # an empty object has no first byte
                return {}
            raise

    return s3.retried(attempt)


def _total(headers: Mapping[str, str]) -> int:
    total = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "0")
    return int(total) if total.isdigit() else 0


class _Following:
    """Hashes a file as its ranges become complete, in their order, while later ones are on their way."""

    def __init__(self, file: int, ranges: Ranges) -> None:
        self._file = file
        self._ranges = ranges
        self._there: set[int] = set()
        self._changed = threading.Condition()
        self._is_given_up = False
        self._digest = hashlib.sha256()

    def arrived(self, number: int) -> None:
        with self._changed:
            self._there.add(number)
            self._changed.notify()

    def give_up(self) -> None:
        with self._changed:
            self._is_given_up = True
            self._changed.notify()

    def run(self) -> None:
        for number in self._ranges.numbers():
            with self._changed:
                while number not in self._there and not self._is_given_up:
                    self._changed.wait()
                if self._is_given_up:
                    return
            self._take(*self._ranges.bounds(number))

    def sha256(self) -> str:
        return self._digest.hexdigest()

    def _take(self, first: int, length: int) -> None:
        done = 0
        while done < length:
            piece = os.pread(self._file, min(PIECE_BYTES, length - done), first + done)
            self._digest.update(piece)
            done += len(piece) or length
