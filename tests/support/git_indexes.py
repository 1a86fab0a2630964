"""Indexes of git repositories, written without git."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path


def write_index(folder: Path, names: Sequence[str], *, version: int = 2, sha256: bool = False) -> Path:
    """Makes ``folder`` a repository that tracks ``names``; the path of its index."""
    git = folder / ".git"
    git.mkdir(parents=True, exist_ok=True)
    (git / "config").write_text("[extensions]\n\tobjectFormat = sha256\n" if sha256 else "[core]\n")
    index = git / "index"
    index.write_bytes(index_of([name.encode() for name in names], version=version, sha256=sha256))
    return index


def index_of(names: Sequence[bytes], *, version: int = 2, sha256: bool = False) -> bytes:
    """The bytes of an index with these names, in git's order."""
    content = bytearray(struct.pack(">4sII", b"DIRC", version, len(names)))
    previous = b""
    for name in sorted(names):
        extended = 0x4000 if version == 3 else 0
        flags = struct.pack(">H", min(len(name), 0xFFF) | extended) + (b"\0\0" if extended else b"")
        head = bytes(40) + bytes(32 if sha256 else 20) + flags
        if version == 4:
            shared = _shared(previous, name)
            content += head + _offset(len(previous) - shared) + name[shared:] + b"\0"
        else:
            entry = head + name + b"\0"
            content += entry + bytes(-len(entry) % 8)
        previous = name
    return bytes(content) + (hashlib.sha256 if sha256 else hashlib.sha1)(content).digest()


def _shared(one: bytes, other: bytes) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _offset(value: int) -> bytes:
    found = bytes([value & 0x7F])
    while value := value >> 7:
        value -= 1
        found = bytes([0x80 | (value & 0x7F)]) + found
    return found
