"""What a tree consists of, on this machine and in a bucket, and what of it cannot be transferred."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "link", "folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEntry:
    """A file, link or folder of this machine. ``path`` is relative to the tree, with slashes.

    ``changed_ns``: the later of the times of its content and of its inode.
    """

    path: str
    kind: Kind
    size: int
    mode: int
    mtime_ns: int
    changed_ns: int
    inode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEntry:
    """An object, seen as an entry of a tree. What kind it is and its mode are in its metadata."""

    path: str
    key: str
    size: int
    etag: str
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Untransferable:
    """A name of the source that does not travel, and why."""

    path: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Mode and time of an entry as in the metadata of its object, in the form of s3fs and rclone."""

    mode: int | None = None
    mtime_ns: int | None = None

    @property
    def is_link(self) -> bool:
        return self.mode is not None and stat.S_ISLNK(self.mode)

    @property
    def permissions(self) -> int | None:
        """What is taken over of the mode: files of another machine get no set-user-ID here."""
        return None if self.mode is None else self.mode & 0o777

    def as_metadata(self) -> dict[str, str]:
        metadata = {}
        if self.mode is not None:
            metadata["mode"] = str(self.mode)
        if self.mtime_ns is not None:
            metadata["mtime"] = f"{self.mtime_ns // 10**9}.{self.mtime_ns % 10**9:09d}"
        return metadata


def attributes_of(metadata: dict[str, str]) -> Attributes:
    """The attributes in an object's metadata; what cannot be read counts as not there."""
    mode = metadata.get("mode", "")
    return Attributes(
        mode=int(mode) if mode.isascii() and mode.isdigit() else None,
        mtime_ns=_nanoseconds(metadata.get("mtime", "")),
    )


def _nanoseconds(text: str) -> int | None:
    """Nanoseconds of seconds with a fraction, without the rounding of a float."""
    whole, _, fraction = text.partition(".")
    if not (
        whole.isascii() and whole.isdigit() and (not fraction or (fraction.isascii() and fraction.isdigit()))
    ):
        return None
    return int(whole) * 10**9 + int(fraction[:9].ljust(9, "0") if fraction else 0)
