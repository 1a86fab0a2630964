"""A work folder as it was walked: what is packaged, what is left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath

from runctl_auto.packaging.fetched_results import RESULTS_FOLDER

_MOST_OF = 0.8
"""A folder that holds this share of its parent's bytes is named instead of the parent."""


@dataclass(frozen=True)
class WorkFile:
    """A file or symbolic link to package: ``name`` is relative with slashes; ``link`` is a link's target."""

    name: str
    path: Path
    size: int
    link: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file or folder (``name`` ends with a slash) that is not packaged; ``why`` is a rule or a reason."""

    name: str
    why: str


@dataclass(frozen=True)
class WorkFolder:
    """What a walk found, sorted by name. ``files`` are those to package, with ``empty_folders`` (names).

    ``notes`` are sentences for the plan.
    """

    path: Path
    files: tuple[WorkFile, ...]
    empty_folders: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of all files, unpacked."""
        return sum(file.size for file in self.files)

    def largest(self, count: int) -> tuple[WorkFile, ...]:
        """The largest files, the largest first."""
        return tuple(sorted(self.files, key=lambda file: (-file.size, file.name))[:count])

    def heaviest_folders(self, count: int) -> tuple[tuple[str, int], ...]:
        """The folders that hold the most bytes, with those bytes; none lies in another."""
        sizes = _bytes_of_folders(self.files)
        below: dict[str, list[str]] = {}
        for name in sizes:
            parent = str(PurePosixPath(name).parent)
            below.setdefault(parent, []).append(name)
        found = [_where_most_is(name, sizes, below) for name in below.get(".", ())]
        return tuple(sorted(((name, sizes[name]) for name in found), key=lambda each: -each[1])[:count])

    def without(self, part: PurePath) -> WorkFolder:
        """The same folder without the file or folder ``part``, which is relative to it.

        The folder itself cannot be excluded.
        """
        if part == PurePath():
            return self
        files = (file for file in self.files if not PurePosixPath(file.name).is_relative_to(part.as_posix()))
        return replace(self, files=tuple(files))

    def without_results(self, folder: Path) -> WorkFolder:
        """The same folder without results that were fetched to ``folder``, which is absolute."""
        if folder.name == RESULTS_FOLDER or not folder.is_relative_to(self.path):
            return self  # of the usual folder, the walk has left out the results alone
        return self.without(folder.relative_to(self.path))

    def files_below(self, folder: str) -> tuple[WorkFile, ...]:
        """The files in ``folder``, which is relative with slashes."""
        return tuple(file for file in self.files if PurePosixPath(file.name).is_relative_to(folder))


def _bytes_of_folders(files: Iterable[WorkFile]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for file in files:
        for parent in PurePosixPath(file.name).parents:
            if parent != PurePosixPath():
                sizes[str(parent)] = sizes.get(str(parent), 0) + file.size
    return sizes


def _where_most_is(name: str, sizes: Mapping[str, int], below: Mapping[str, list[str]]) -> str:
    while True:
        heavy = [each for each in below.get(name, ()) if sizes[each] >= _MOST_OF * sizes[name]]
        if not heavy:
            return name
        name = heavy[0]
