"""Reads ``manifest.json``, which a machine wrote: entry by entry, each checked before it is taken in."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from runctl_auto.agent.contract import MOST_ENTRIES, MOST_MANIFEST_BYTES, MOST_NODES, MOST_NOTE, MOST_SEQUENCE
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.saving.manifest import MODES, Manifest, Problem, StoredFile, StoredFolder
from runctl_auto.agent.untrusted import (
    MOST_NUMBER,
    MOST_PATH_BYTES,
    Elements,
    Fields,
    Pairs,
    UnreadableError,
    matching,
    moment,
    plain_path,
    read_members,
    text,
    whole,
)

MOST_FILE_BYTES = 2**53
_SIZE = whole(0, MOST_FILE_BYTES)
_TIME = whole(-MOST_NUMBER, MOST_NUMBER)
_MODE = whole(0, 0o7777777)
_NODE = whole(0, MOST_NODES - 1)
_NUMBER = whole(0, MOST_SEQUENCE)
_SHA256 = matching(r"[0-9a-f]{1,64}")
_NOTE = text(MOST_NOTE)


def parse_manifest(content: bytes) -> Manifest:
    """The manifest of untrusted bytes.

    Raises IntegrityError for what no writer writes: other values than there can be, a path that leads out of
    the folder, two entries for one place, more entries or bytes than allowed.
    """
    try:
        found = _Reading().manifest(content)
        _refuse_conflicts(found)
    except UnreadableError as error:
        raise IntegrityError(f"a manifest cannot be understood: {error}") from error
    return found


class _Reading:
    """Reads one manifest and counts its entries."""

    def __init__(self) -> None:
        self._count = 0

    def manifest(self, content: bytes) -> Manifest:
        found: dict[str, Any] = {}
        for name, value in read_members(content, MOST_MANIFEST_BYTES):
            if name == "files":
                found[name] = tuple(self._file(each) for each in self._entries(value))
            elif name == "folders":
                found[name] = tuple(_folder(each) for each in self._entries(value))
            elif name in ("problems", "suspect"):
                found[name] = tuple(_problem(each) for each in self._entries(value))
            elif name == "links":
                found[name] = {path: _target(path, link) for path, link in self._links(value)}
            elif name == "absolute_links":
                found[name] = {path: _place(target) for path, target in self._links(value)}
            elif name == "saved_at":
                found[name] = None if value is None else moment(value)
            elif name == "run":
                found[name] = None if value is None else _NOTE(value)
            elif isinstance(value, Elements):
                for _ in value:
                    self._counted(1)
        if "files" not in found:
            raise UnreadableError("files is missing")
        return Manifest(**found)

    def _entries(self, value: object) -> Iterator[Fields]:
        if not isinstance(value, Elements) or isinstance(value, Pairs):
            raise UnreadableError("it has no list where one is to be")
        for each in value:
            self._counted(1)
            yield Fields(each)

    def _links(self, value: object) -> Iterator[tuple[str, object]]:
        if not isinstance(value, Pairs):
            raise UnreadableError("it has no object where one is to be")
        for path, target in value:
            self._counted(1)
            yield plain_path(path), target

    def _counted(self, count: int) -> None:
        self._count += count
        if self._count > MOST_ENTRIES:
            raise UnreadableError(f"it has more than {MOST_ENTRIES} entries")

    def _file(self, entry: Fields) -> StoredFile:
        mode = entry.given("mode", _MODE)
        file = StoredFile(
            path=entry.needed("path", plain_path),
            bytes=entry.needed("bytes", _SIZE),
            sha256=entry.needed("sha256", _SHA256),
            mode=None if mode is None else mode & MODES,
            mtime_ns=entry.given("mtime_ns", _TIME),
            pack=entry.given("pack", _NUMBER),
            offset=entry.given("offset", _SIZE) or 0,
            extents=entry.given("extents", self._extents),
            node=entry.given("node", _NODE),
        )
        if file.extents and file.bytes < sum(file.extents[-1]):
            raise UnreadableError(f"{file.path!r} ends before its last extent")
        return file

    def _extents(self, value: object) -> tuple[tuple[int, int], ...]:
        if not isinstance(value, list):
            raise UnreadableError("is no list")
        self._counted(len(value))
        found, end = [], 0
        for each in value:
            if not isinstance(each, list) or len(each) != 2:
                raise UnreadableError("has an entry that is no range")
            start, length = _SIZE(each[0]), _SIZE(each[1])
            if start < end or length == 0:
                raise UnreadableError("are not in order")
            found.append((start, length))
            end = start + length
        return tuple(found)


def _folder(entry: Fields) -> StoredFolder:
    mode = entry.needed("mode", _MODE) & MODES
    return StoredFolder(entry.needed("path", plain_path), mode, entry.needed("mtime_ns", _TIME))


def _problem(entry: Fields) -> Problem:
    return Problem(entry.needed("path", _NOTE), entry.needed("why", _NOTE))


def _target(path: str, link: object) -> str:
    """The text of a relative link, which leads to a place in the folder."""
    if not isinstance(link, str) or "\0" in link or not 0 < len(link) <= MOST_PATH_BYTES:
        raise UnreadableError(f"{path!r} is a link to what is no path")
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    if place == ".." or place.startswith(("/", "../")):
        raise UnreadableError(f"{path!r} is a link to what is not a path inside the work folder")
    if place != ".":
        plain_path(place)
    return link


def _place(value: object) -> str:
    """A place in the folder, or the folder itself."""
    return "." if value == "." else plain_path(value)


def _refuse_conflicts(manifest: Manifest) -> None:
    """Refuses two entries for one place, and entries below a file or a link: they would be written there."""
    leaves = {*manifest.links, *manifest.absolute_links, *(file.path for file in manifest.files)}
    listed = len(manifest.files) + len(manifest.links) + len(manifest.absolute_links)
    if len(leaves) < listed:
        raise UnreadableError("it lists a place twice")
    folders = [folder.path for folder in manifest.folders]
    above: set[str] = set(folders)
    for path in (*leaves, *folders):
        for parent in _parents(path):
            if parent in above:
                break
            above.add(parent)
    wrong = next(iter(sorted(above & leaves)), None)
    if wrong is not None:
        raise UnreadableError(f"it lists {wrong!r} as a folder too")


def _parents(path: str) -> Iterable[str]:
    parent = path.rpartition("/")[0]
    while parent:
        yield parent
        parent = parent.rpartition("/")[0]
