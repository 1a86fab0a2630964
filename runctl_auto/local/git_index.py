"""Which files git tracks, read from a repository's index: no program is started, no setting of it is read.

The format is that of git's own documentation (gitformat-index): versions 2 to 4, also with a shared part.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

_SIGNATURE = b"DIRC"
_HEADER = struct.Struct(">4sII")
_STAT_BYTES = 40
_EXTENDED = 0x4000
_SHA256 = re.compile(rb"^\s*objectformat\s*=\s*sha256\s*$", re.MULTILINE | re.IGNORECASE)
_GITDIR = re.compile(r"gitdir:\s*(?P<path>.+)")
_MAX_POINTER_BYTES = 4096


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
    return any(
        name == wanted or name.startswith(wanted + b"/")
        for index in indexes
        for name in _names(_content(index), hash_bytes, until=wanted + b"0")  # '0' follows '/'
    )


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


def _names(index: bytes, hash_bytes: int, *, until: bytes) -> Iterator[bytes]:
    """Names in lower case, in the order of the index, which is sorted, to the first beyond ``until``."""
    try:
        signature, version, count = _HEADER.unpack_from(index)
    except struct.error:
        return
    if signature != _SIGNATURE or version not in (2, 3, 4):
        return
    at, name = _HEADER.size, b""
    try:
        for _ in range(count):
            start = at
            at += _STAT_BYTES + hash_bytes
            (flags,) = struct.unpack_from(">H", index, at)
            at += 4 if flags & _EXTENDED else 2
            kept = b""
            if version == 4:
                cut, at = _number(index, at)
                kept = name[: len(name) - cut]
            end = index.index(b"\0", at)
            name = kept + index[at:end]
            at = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
            yield name.lower()
            if name > until:
                return
    except (struct.error, ValueError, IndexError):
        return


def _number(index: bytes, at: int) -> tuple[int, int]:
    """The number at ``at`` in git's encoding of offsets, and where it ends."""
    byte = index[at]
    value = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = index[at]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at + 1
