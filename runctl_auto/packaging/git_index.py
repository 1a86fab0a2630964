"""Which files a repository tracks, by its index alone: all of them, or a refusal."""

from __future__ import annotations

import os
import struct

from runctl_auto.local.git_index import HEADER, UnreadableIndexError, entries_in

_EXTENSION = struct.Struct(">4sI")


def tracked_names(index: bytes, *, hash_bytes: int = 20) -> frozenset[str]:
    """The tracked names, relative to the work tree; a submodule is one name.

    ``hash_bytes`` is 32 for a repository of SHA-256. Raises UnreadableIndexError.
    """
    names, end = set(), HEADER.size
    for name, end in entries_in(index, hash_bytes):  # noqa: B007 - the last end is used below
        names.add(os.fsdecode(name))
    _refuse_split(index, end, hash_bytes)
    return frozenset(names)


def _refuse_split(index: bytes, at: int, hash_bytes: int) -> None:
    while at + _EXTENSION.size <= len(index) - hash_bytes:
        name, size = _EXTENSION.unpack_from(index, at)
        if name == b"link":
            raise UnreadableIndexError("it is split into two files")
        at += _EXTENSION.size + size
