"""``manifest.json``: what a checkpoint or a run's artifacts consist of.

Fields that older versions do not write are optional; readers that do not know them ignore them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.spec import inside

MODES = 0o7777


@dataclass(frozen=True)
class StoredFile:
    """A file of a checkpoint or an artifact. ``path`` is relative, with slashes; ``bytes`` is its size.

    Its content is the object ``file_key``, or, with ``pack``, part of that pack from ``offset``. With
    ``extents``, only these ranges (start, length) are stored, one after the other; the rest is zeros.
    ``sha256`` is of what is stored. ``mode`` and ``mtime_ns`` are None in manifests of older versions.
    """

    path: str
    bytes: int
    sha256: str
    mode: int | None = None
    mtime_ns: int | None = None
    pack: int | None = None
    offset: int = 0
    extents: Sequence[tuple[int, int]] | None = None

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
        return json.dumps(document, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Raises ValueError for an invalid manifest. Does not check where the paths lead."""
        try:
            document: Mapping[str, Any] = json.loads(data)
            return cls(
                files=tuple(_file(entry) for entry in document["files"]),
                links=_texts(document.get("links", {})),
                absolute_links=_texts(document.get("absolute_links", {})),
                folders=tuple(_folder(entry) for entry in document.get("folders", ())),
                problems=tuple(_problem(entry) for entry in document.get("problems", ())),
                suspect=tuple(_problem(entry) for entry in document.get("suspect", ())),
                saved_at=_text(document.get("saved_at")),
                run=_text(document.get("run")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a manifest: {error!r}") from error


def parse_manifest(data: bytes) -> Manifest:
    """The manifest of untrusted bytes.

    Raises IntegrityError for an invalid manifest or one that names a path outside its folder.
    """
    try:
        found = Manifest.from_json(data)
        paths = [*(file.path for file in found.files), *(folder.path for folder in found.folders)]
        paths += [*found.links, *found.absolute_links, *found.absolute_links.values()]
        for path in paths:
            _refuse_outside(path)
        for file in found.files:
            _refuse_impossible(file)
    except ValueError as error:
        raise IntegrityError(f"a manifest cannot be understood: {error!r}") from error
    return found


def _refuse_outside(path: str) -> None:
    if inside(path) != path:
        raise ValueError(f"{path!r} is not a plain path")


def _refuse_impossible(file: StoredFile) -> None:
    end = 0
    for start, length in file.extents or ():
        if start < end or length <= 0:
            raise ValueError(f"{file.path!r} has extents that are not in order")
        end = start + length
    if file.bytes < end or file.offset < 0 or (file.pack or 0) < 0:
        raise ValueError(f"{file.path!r} has an impossible size or place")


def _file_as_json(file: StoredFile) -> dict[str, object]:
    required = {"path": file.path, "bytes": file.bytes, "sha256": file.sha256}
    optional = {"mode": file.mode, "mtime_ns": file.mtime_ns, "pack": file.pack}
    placed = {} if file.pack is None else {"offset": file.offset}
    sparse = {} if file.extents is None else {"extents": [list(extent) for extent in file.extents]}
    return {
        **required,
        **{name: value for name, value in optional.items() if value is not None},
        **placed,
        **sparse,
    }


def _file(entry: Mapping[str, Any]) -> StoredFile:
    extents = entry.get("extents")
    return StoredFile(
        path=str(entry["path"]),
        bytes=int(entry["bytes"]),
        sha256=str(entry["sha256"]),
        mode=_number(entry.get("mode"), MODES),
        mtime_ns=_number(entry.get("mtime_ns")),
        pack=_number(entry.get("pack")),
        offset=int(entry.get("offset", 0)),
        extents=None if extents is None else tuple((int(start), int(length)) for start, length in extents),
    )


def _folder(entry: Mapping[str, Any]) -> StoredFolder:
    return StoredFolder(str(entry["path"]), int(entry["mode"]) & MODES, int(entry["mtime_ns"]))


def _problem(entry: Mapping[str, Any]) -> Problem:
    return Problem(str(entry["path"]), str(entry["why"]))


def _texts(mapping: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in mapping.items()}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any, mask: int = -1) -> int | None:
    return None if value is None else int(value) & mask
