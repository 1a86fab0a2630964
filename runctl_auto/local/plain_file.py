"""Safely reads small files of users: never blocks, reads too much, or triggers side effects on open."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_CHUNK = 256 * 1024


class NotAPlainFileError(Exception):
    """``complaint`` describes the problem of the file, ``allowed`` what is allowed."""

    def __init__(self, complaint: str, allowed: str | None = None) -> None:
        super().__init__(complaint)
        self.complaint = complaint
        self.allowed = allowed


def read_plain_file(path: Path, max_bytes: int, *, follow: bool = True) -> bytes:
    """The content of a regular file of at most ``max_bytes``, read once.

    Never blocks on other kinds of files (pipes, devices). A link is one of them unless it is to be followed.
    Raises NotAPlainFileError.
    """
    try:
        _require_regular(path.stat(follow_symlinks=follow))
        never = 0 if follow else os.O_NOFOLLOW
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | never)
        try:
            _require_regular(os.fstat(descriptor))
            content = _read(descriptor, max_bytes + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NotAPlainFileError(f"cannot be read: {error.strerror or error}") from error
    if len(content) > max_bytes:
        raise NotAPlainFileError("is too large", f"at most {max_bytes // 1024} KB")
    return content


def _read(descriptor: int, most: int) -> bytes:
    """The first ``most`` bytes."""
    chunks: list[bytes] = []
    while most > 0 and (chunk := os.read(descriptor, min(most, _CHUNK))):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise NotAPlainFileError("is a folder", "a file")
    if stat.S_ISLNK(status.st_mode):
        raise NotAPlainFileError("is a link", "a file")
    if not stat.S_ISREG(status.st_mode):
        raise NotAPlainFileError("is not a regular file", "a file")
