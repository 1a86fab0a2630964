"""Compares a tree or file of this machine with a bucket by content, whoever moved it. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runctl_auto.errors import ObjectChangedError
from runctl_auto.providers.objects import ObjectData, ObjectFacts
from runctl_auto.transfer.compression import original_of
from runctl_auto.transfer.entries import LocalEntry, RemoteEntry, attributes_of
from runctl_auto.transfer.whole_sums import sum_of_file

Verdict = Literal["same", "differs", "only here", "only in the bucket"]
_CHUNK = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The verdict on one path. ``read``: the object was read, since it has no checksum of the whole."""

    path: str
    verdict: Verdict
    why: str = ""
    read: bool = False


@dataclass(frozen=True, kw_only=True)
class Verification:
    """All that was compared."""

    compared: tuple[Compared, ...]

    @property
    def differences(self) -> tuple[Compared, ...]:
        return tuple(each for each in self.compared if each.verdict != "same")

    def as_json(self) -> dict[str, Any]:
        return {
            "same": len(self.compared) - len(self.differences),
            "read": sum(each.read for each in self.compared),
            "differences": [
                {"path": each.path, "verdict": each.verdict, "why": each.why} for each in self.differences
            ],
        }


def verify(
    data: ObjectData,
    pairs: Sequence[tuple[str, LocalEntry | None, RemoteEntry | None]],
    place: Callable[[str], Path],
    *,
    at_once: int,
) -> Verification:
    """Compares entries by path; ``place`` gives the file of a path.

    Reads all files here, and those objects that have no checksum over all of their bytes. Blocks. Raises
    ``CloudError`` and its subclasses.
    """

    def compare(pair: tuple[str, LocalEntry | None, RemoteEntry | None]) -> Compared:
        path, here, there = pair
        if there is None:
            return Compared(path=path, verdict="only here")
        if here is None:
            return Compared(path=path, verdict="only in the bucket")
        try:
            return _compare(data, path, here, there, place(path))
        except OSError as error:
            return Compared(path=path, verdict="differs", why=error.strerror or str(error))
        except ObjectChangedError as error:
            return Compared(path=path, verdict="differs", why=str(error))

    with ThreadPoolExecutor(at_once) as pool:
        return Verification(compared=tuple(pool.map(compare, pairs)))


def _compare(data: ObjectData, path: str, here: LocalEntry, there: RemoteEntry, place: Path) -> Compared:
    facts = data.facts(there.key)
    if facts is None:
        return Compared(path=path, verdict="only here")
    attributes = attributes_of(dict(facts.metadata))
    if attributes.is_link != (here.kind == "link"):
        return Compared(path=path, verdict="differs", why="one is a link, the other a file")
    original = original_of(facts.metadata)
    size = facts.size if original is None else original.size
    if size != here.size:
        return Compared(path=path, verdict="differs", why=f"{here.size} bytes here, {size} in the bucket")
    is_read = original is None and facts.whole_sum is None
    is_same = _content_is_same(data, there.key, facts, here, place)
    if is_same:
        return Compared(path=path, verdict="same", read=is_read)
    return Compared(path=path, verdict="differs", why="the content is another", read=is_read)


def _content_is_same(data: ObjectData, key: str, facts: ObjectFacts, here: LocalEntry, place: Path) -> bool:
    if here.kind == "link":
        content = memoryview(bytearray(facts.size))
        data.read(key, content, etag=facts.etag, whole=True)
        return bytes(content) == os.fsencode(os.readlink(place))
    original = original_of(facts.metadata)
    file = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if original is not None:
            return sum_of_file(file, original.size, "crc64nvme") == original.crc64
        if facts.whole_sum is not None:
            return sum_of_file(file, here.size, facts.whole_sum.algorithm) == facts.whole_sum.value
        return _bytes_are_same(data, key, facts, file)
    finally:
        os.close(file)


def _bytes_are_same(data: ObjectData, key: str, facts: ObjectFacts, file: int) -> bool:
    buffer = memoryview(bytearray(_CHUNK))
    first = 0
    while first < facts.size:
        count, _ = data.read(key, buffer[: min(_CHUNK, facts.size - first)], first=first, etag=facts.etag)
        if not count or os.pread(file, count, first) != buffer[:count]:
            return False
        first += count
    return True
