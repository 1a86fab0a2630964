"""Writes what a manifest lists to a folder, as it was when it was saved."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Union

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.keys import file_key, pack_key, part_prefix
from runctl_auto.agent.saving.manifest import Manifest, StoredFile
from runctl_auto.agent.saving.sparse import copy_exactly, spread
from runctl_auto.agent.saving.storable import shown
from runctl_auto.agent.store.parallel import AT_ONCE, for_each

Fetch = Callable[[str, Path, int], str]
"""Writes the first bytes of the object with this key, so many at most, to a file; returns their sha256."""

Item = Union[StoredFile, "list[StoredFile]"]  # (evaluated on Python 3.9)


ModeOf = Callable[[int], int]
"""The mode that a file or folder gets, of the one that it had."""


def _as_it_was(mode: int) -> int:
    return mode


class Restoring:
    """Fetches the files below `prefix` to the empty folder `target`; `parts` is for what is on its way.

    Blocks. Raises IntegrityError when something is not what was saved.
    """

    def __init__(
        self,
        fetch: Fetch,
        prefix: str,
        target: Path,
        parts: Path,
        *,
        at_once: int = AT_ONCE,
        mode_of_file: ModeOf = _as_it_was,
    ) -> None:
        self._fetch = fetch
        self._prefix = prefix
        self._target = target
        self._parts = parts
        self._at_once = at_once
        self._mode_of_file = mode_of_file
        self._numbers = iter(range(1 << 62))
        self._lock = threading.Lock()

    def fetch(self, manifest: Manifest) -> None:
        """Fetches files with their modes and times, then makes links. `finish_folders` does the rest."""
        self._target.mkdir(parents=True, exist_ok=True)
        self._parts.mkdir(parents=True, exist_ok=True)
        for folder in manifest.folders:
            (self._target / folder.path).mkdir(parents=True, exist_ok=True)
        for file in manifest.files:
            (self._target / file.path).parent.mkdir(parents=True, exist_ok=True)
        for_each(_items(manifest.files), self._fetch_item, self._at_once)
        for path, link in manifest.links.items():
            self._make_link(path, link)
        self._refuse_links_out(manifest.links)

    def _refuse_links_out(self, links: Iterable[str]) -> None:
        """Refuses links that lead out of the folder by way of others."""
        home = os.path.realpath(self._target)
        for path in links:
            place = os.path.realpath(self._target / path)
            if place != home and not place.startswith(home + os.sep):
                raise IntegrityError(f"{shown(path)} is a link that leads out of the folder")

    def _make_link(self, path: str, link: str) -> None:
        place = self._target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.symlink_to(link)
        except FileExistsError as error:
            raise IntegrityError(f"{shown(path)} is listed twice") from error

    def _fetch_item(self, item: Item) -> None:
        if isinstance(item, list):
            self._fetch_pack(item)
        elif item.extents is None:
            self._refuse_other(item, self._fetch_file(item, self._place(item)))
            self._settle(item)
        else:
            part = self._part()
            self._refuse_other(item, self._fetch_file(item, part))
            self._spread(part, item)

    def _fetch_file(self, file: StoredFile, target: Path) -> str:
        return self._fetch(content_key(self._prefix, file), target, file.stored_bytes)

    def _fetch_pack(self, files: Sequence[StoredFile]) -> None:
        pack = self._part()
        end = max(file.offset + file.stored_bytes for file in files)
        self._fetch(content_key(self._prefix, files[0]), pack, end)
        with pack.open("rb") as content:
            for file in files:
                content.seek(file.offset)
                place = self._place(file) if file.extents is None else self._part()
                with place.open("wb") as target:
                    try:
                        digest = copy_exactly(content, target, file.stored_bytes)
                    except EOFError as error:
                        raise IntegrityError(f"{shown(file.path)}: {error}") from error
                self._refuse_other(file, digest)
                if file.extents is None:
                    self._settle(file)
                else:
                    self._spread(place, file)
        pack.unlink()

    def _spread(self, part: Path, file: StoredFile) -> None:
        try:
            spread(part, file.extents or (), file.bytes, self._place(file))
        except EOFError as error:
            raise IntegrityError(f"{shown(file.path)}: {error}") from error
        part.unlink()
        self._settle(file)

    def _settle(self, file: StoredFile) -> None:
        place = self._place(file)
        if file.mode is not None:
            place.chmod(self._mode_of_file(file.mode))
        if file.mtime_ns is not None:
            os.utime(place, ns=(file.mtime_ns, file.mtime_ns))

    def _refuse_other(self, file: StoredFile, digest: str) -> None:
        if digest != file.sha256:
            raise IntegrityError(f"{shown(file.path)} is not what was saved")

    def _place(self, file: StoredFile) -> Path:
        return self._target / file.path

    def _part(self) -> Path:
        with self._lock:
            return self._parts / str(next(self._numbers))


def finish_folders(root: Path, manifest: Manifest, mode_of_folder: ModeOf = _as_it_was) -> None:
    """Makes the links that are absolute paths below `root`, then sets modes and times of the folders."""
    for path, target in manifest.absolute_links.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(os.path.normpath(root / target))
    for folder in sorted(manifest.folders, key=lambda folder: folder.path, reverse=True):
        place = root / folder.path
        place.chmod(mode_of_folder(folder.mode))
        os.utime(place, ns=(folder.mtime_ns, folder.mtime_ns))


def content_key(prefix: str, file: StoredFile) -> str:
    """The key of the object that holds a file: its own, or its pack's."""
    part = part_prefix(prefix, file.node)
    return file_key(part, file.path) if file.pack is None else pack_key(part, file.pack)


def refuse_missing(prefix: str, manifest: Manifest, keys: Mapping[str, int]) -> None:
    """Raises IntegrityError when the store lacks an object that the manifest needs; `keys` with their sizes.

    Compares sizes too, of what the manifest tells them of.
    """
    missing = []
    for file in manifest.files:
        found = keys.get(content_key(prefix, file), -1)
        if file.pack is None:
            is_there = found == file.stored_bytes
        else:
            is_there = found >= file.offset + file.stored_bytes
        if not is_there:
            missing.append(shown(file.path))
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise IntegrityError(f"{', '.join(missing[:3])}{more} is missing or has another size")


def _items(files: Sequence[StoredFile]) -> Iterator[Item]:
    packs: dict[tuple[int | None, int], list[StoredFile]] = {}
    for file in files:
        if file.pack is None:
            yield file
        else:
            packs.setdefault((file.node, file.pack), []).append(file)
    yield from packs.values()
