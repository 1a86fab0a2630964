"""Sparse files: which ranges hold data, and how to write a file with only these."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

CHUNK = 1024 * 1024
MOST_EXTENTS = 10_000

Extents = Sequence[tuple[int, int]]


def data_extents(path: Path, size: int) -> tuple[tuple[int, int], ...] | None:
    """Ranges (start, length) below `size` that hold data.

    None for a file without holes, with very many of them, or where the file system does not tell.
    """
    with path.open("rb") as file:
        found = []
        try:
            for extent in _extents(file, size):
                found.append(extent)
                if len(found) > MOST_EXTENTS:
                    return None
        except OSError:
            return None
    if sum(length for _, length in found) >= size:
        return None
    return tuple(found)


def _extents(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < size:
        try:
            start = os.lseek(file.fileno(), position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            raise
        if start >= size:
            return
        position = min(os.lseek(file.fileno(), start, os.SEEK_HOLE), size)
        yield start, position - start


def spread(packed: Path, extents: Extents, size: int, target: Path) -> None:
    """Writes a sparse file of `size` bytes to `target`; `packed` holds its extents one after the other."""
    with packed.open("rb") as source, target.open("wb") as file:
        file.truncate(size)
        for start, length in extents:
            file.seek(start)
            copy_exactly(source, file, length)


def copy_exactly(source: BinaryIO, target: BinaryIO, length: int) -> str:
    """Copies the next `length` bytes; returns their sha256. Raises EOFError when there are fewer."""
    digest = hashlib.sha256()
    while length > 0:
        chunk = source.read(min(CHUNK, length))
        if not chunk:
            raise EOFError("the object is shorter than its list says")
        digest.update(chunk)
        target.write(chunk)
        length -= len(chunk)
    return digest.hexdigest()


def sha256_of(path: Path, extents: Extents | None = None) -> str:
    """The sha256 of a file, or of these ranges of it, one after the other."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start, length in [(0, path.stat().st_size)] if extents is None else extents:
            file.seek(start)
            left = length
            while left > 0:
                chunk = file.read(min(CHUNK, left))
                if not chunk:
                    break
                digest.update(chunk)
                left -= len(chunk)
    return digest.hexdigest()
