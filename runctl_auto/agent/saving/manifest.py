"""``manifest.json``: what a checkpoint or a run's artifacts consist of.

Fields that older versions do not write are optional; readers that do not know them ignore them.
``manifest_reading`` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runctl_auto.agent.contract import MOST_ENTRIES, MOST_MANIFEST_BYTES
from runctl_auto.agent.errors import AgentError

MODES = 0o7777


@dataclass(frozen=True)
class StoredFile:
    """A file of a checkpoint or an artifact. ``path`` is relative, with slashes; ``bytes`` is its size.

    Its content is the object ``file_key``, or, with ``pack``, part of that pack from ``offset``. With
    ``extents``, only these ranges (start, length) are stored, one after the other; the rest is zeros.
    ``sha256`` is of what is stored. ``mode`` and ``mtime_ns`` are None in manifests of older versions.
    ``node`` is the one of several that stored it: its objects are below ``part_prefix``.
    """

    path: str
    bytes: int
    sha256: str
    mode: int | None = None
    mtime_ns: int | None = None
    pack: int | None = None
    offset: int = 0
    extents: Sequence[tuple[int, int]] | None = None
    node: int | None = None

    @property
    def stored_bytes(self) -> int:
        """The size of what is stored."""
        return self.bytes if self.extents is None else sum(length for _, length in self.extents)


@dataclass(frozen=True)
class StoredFolder:
    """A folder. ``path`` is relative, with slashes."""

    path: str
    mode: int
    mtime_ns: int


@dataclass(frozen=True)
class Problem:
    """A file that is not stored, or not as it should be. ``path`` is printable, so not always the name."""

    path: str
    why: str


@dataclass(frozen=True)
class Manifest:
    """The stored files, folders and links (path to target).

    ``links`` have the target as their text; ``absolute_links`` lead to a path in the same folder, relative to
    it, by an absolute path. ``problems`` are what is not stored, or not as it should be. ``suspect`` files
    were being written when they were saved. ``saved_at`` is an RFC 3339 time, ``run`` the run that saved it.
    """

    files: Sequence[StoredFile]
    links: Mapping[str, str] = field(default_factory=dict)
    absolute_links: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[StoredFolder] = ()
    problems: Sequence[Problem] = ()
    suspect: Sequence[Problem] = ()
    saved_at: str | None = None
    run: str | None = None

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def to_json(self) -> bytes:
        """The content of ``manifest.json``. Raises AgentError when no reader would take it."""
        document: dict[str, object] = {"files": [_file_as_json(file) for file in self.files]}
        optional = {
            "links": dict(self.links),
            "absolute_links": dict(self.absolute_links),
            "folders": [vars(each) for each in self.folders],
            "problems": [vars(each) for each in self.problems],
            "suspect": [vars(each) for each in self.suspect],
            "saved_at": self.saved_at,
            "run": self.run,
        }
        document.update({name: value for name, value in optional.items() if value})
        refuse_too_many(sum(1 + len(file.extents or ()) for file in self.files) + self._others)
        content = json.dumps(document).encode()
        if len(content) > MOST_MANIFEST_BYTES:
            raise AgentError("the list of files is too large: put them in archives, or shorten their paths")
        return content

    @property
    def _others(self) -> int:
        listed = (self.links, self.absolute_links, self.folders, self.problems, self.suspect)
        return sum(len(each) for each in listed)


def refuse_too_many(entries: int) -> None:
    """Raises AgentError when a manifest cannot list so many files, folders, links and extents."""
    if entries > MOST_ENTRIES:
        raise AgentError(
            f"there are {entries} files and folders, and at most {MOST_ENTRIES} can be listed: "
            "put them in archives"
        )


def _file_as_json(file: StoredFile) -> dict[str, object]:
    required = {"path": file.path, "bytes": file.bytes, "sha256": file.sha256}
    optional = {"mode": file.mode, "mtime_ns": file.mtime_ns, "pack": file.pack, "node": file.node}
    placed = {} if file.pack is None else {"offset": file.offset}
    sparse = {} if file.extents is None else {"extents": [list(extent) for extent in file.extents]}
    return {
        **required,
        **{name: value for name, value in optional.items() if value is not None},
        **placed,
        **sparse,
    }
