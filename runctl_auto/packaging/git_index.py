"""Reads which files a repository tracks from its index, without git."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

_HEADER = struct.Struct(">4sII")
_STAT_BYTES = 40
_NAME_LENGTH = 0x0FFF
_EXTENDED = 0x4000
_VERSIONS = (2, 3, 4)
_EXTENSION = struct.Struct(">4sI")


class UnreadableIndexError(Exception):
    """The index has a form that is not read here; the message says which."""


def tracked_names(index: bytes, *, hash_bytes: int = 20) -> frozenset[str]:
    """The tracked names, relative to the work tree; a submodule is one name.

    ``hash_bytes`` is 32 for a repository of SHA-256. Raises UnreadableIndexError.
    """
    try:
        return frozenset(os.fsdecode(name) for name in _names(index, hash_bytes))
    except (struct.error, ValueError, IndexError) as error:
        raise UnreadableIndexError("it is damaged") from error


def _names(index: bytes, hash_bytes: int) -> Iterator[bytes]:
    signature, version, count = _HEADER.unpack_from(index)
    if signature != b"DIRC" or version not in _VERSIONS:
        raise UnreadableIndexError(f"its version {version} is unknown")
    at, name = _HEADER.size, b""
    for _ in range(count):
        begin = at
        at += _STAT_BYTES + hash_bytes
        (flags,) = struct.unpack_from(">H", index, at)
        at += 4 if flags & _EXTENDED else 2
        kept = 0
        if version == 4:
            dropped, at = _number(index, at)
            kept = len(name) - dropped
            if kept < 0:
                raise ValueError("more is dropped than there was")
        end = index.index(b"\0", at)
        name = name[:kept] + index[at:end]
        # Before version 4 an entry ends at a multiple of eight bytes, with at least one NUL.
        at = end + 1 if version == 4 else begin + (end - begin + 8) // 8 * 8
        yield name
    _refuse_split(index, at, hash_bytes)


def _number(index: bytes, at: int) -> tuple[int, int]:
    """A number of variable length at ``at``, and where it ends."""
    value = index[at] & 0x7F
    while index[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (index[at] & 0x7F)
    return value, at + 1


def _refuse_split(index: bytes, at: int, hash_bytes: int) -> None:
    while at + _EXTENSION.size <= len(index) - hash_bytes:
        name, size = _EXTENSION.unpack_from(index, at)
        if name == b"link":
            raise UnreadableIndexError("it is split into two files")
        at += _EXTENSION.size + size
