"""Which files git tracks, read from a repository's index: no program is started, no setting of it is read.

The format is that of git's own documentation (gitformat-index): versions 2 to 4, also with a shared part.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

HEADER = struct.Struct(">4sII")
_SIGNATURE = b"DIRC"
_VERSIONS = (2, 3, 4)
_STAT_BYTES = 40
_EXTENDED = 0x4000
_SHA256 = re.compile(rb"^\s*objectformat\s*=\s*sha256\s*$", re.MULTILINE | re.IGNORECASE)
_GITDIR = re.compile(r"gitdir:\s*(?P<path>.+)")
_MAX_POINTER_BYTES = 4096


class UnreadableIndexError(Exception):
    """The index has a form that is not read here; the message says which."""


def is_tracked(path: Path) -> bool:
    """Whether git tracks ``path``, or anything below it, in the repository that it lies in.

    Names are compared without regard to case, as some file systems do. False outside repositories, and where
    the index cannot be read.
    """
    top = next((each for each in path.parents if (each / ".git").exists()), None)
    git = _git_folder(top / ".git") if top is not None else None
    if top is None or git is None:
        return False
    wanted = path.relative_to(top).as_posix().encode().lower()
    hash_bytes = 32 if _SHA256.search(_content(git / "config")) else 20
    indexes = [git / "index", *git.glob("sharedindex.*")]
    return any(_holds(_content(index), hash_bytes, wanted) for index in indexes)


def entries_in(index: bytes, hash_bytes: int = 20) -> Iterator[tuple[bytes, int]]:
    """The names in an index, in its order, which is sorted by bytes; each with where its entry ends.

    ``hash_bytes`` is 32 for a repository of SHA-256. A split index has a part of the names only. Raises
    ``UnreadableIndexError``, after the names before the damage.
    """
    try:
        yield from _entries(index, hash_bytes)
    except (struct.error, ValueError, IndexError) as error:
        raise UnreadableIndexError("it is damaged") from error


def _holds(index: bytes, hash_bytes: int, wanted: bytes) -> bool:
    beyond = wanted + b"0"  # '0' follows '/', and capital letters come before small ones
    with suppress(UnreadableIndexError):
        for name, _ in entries_in(index, hash_bytes):
            lower = name.lower()
            if lower == wanted or lower.startswith(wanted + b"/"):
                return True
            if name > beyond:
                return False
    return False


def _git_folder(git: Path) -> Path | None:
    """The repository's own folder; ``.git`` is a file in a worktree or a submodule."""
    if git.is_dir():
        return git
    found = _GITDIR.match(_content(git)[:_MAX_POINTER_BYTES].decode(errors="replace"))
    return (git.parent / found["path"].strip()).resolve() if found else None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.is_file() else b""
    except OSError:
        return b""


def _entries(index: bytes, hash_bytes: int) -> Iterator[tuple[bytes, int]]:
    signature, version, count = HEADER.unpack_from(index)
    if signature != _SIGNATURE or version not in _VERSIONS:
        raise UnreadableIndexError(f"its version {version} is unknown")
    at, name = HEADER.size, b""
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
        yield name, at


def _number(index: bytes, at: int) -> tuple[int, int]:
    """The number at ``at`` in git's encoding of offsets, and where it ends."""
    byte = index[at]
    value = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = index[at]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at + 1
