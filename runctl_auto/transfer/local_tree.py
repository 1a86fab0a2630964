"""Reads the tree of a folder: its files, links and empty folders, and what cannot become an object."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.errors import UsageError
from runctl_auto.transfer.entries import LocalEntry, Untransferable
from runctl_auto.transfer.selection import EVERYTHING, Selection

ARRIVING = ".runctl-arriving-"
"""How the names begin of files that are on their way, and of their journals."""
LONGEST_KEY = 1024
"""Bytes of an S3 key (UTF-8)."""
_USUAL_FOLDER = 0o755


@dataclass
class LocalTree:
    """The entries of a folder by path, and what of it cannot be transferred.

    ``arriving`` are files that an earlier transfer left unfinished.
    """

    entries: dict[str, LocalEntry] = field(default_factory=dict)
    problems: list[Untransferable] = field(default_factory=list)
    arriving: list[Path] = field(default_factory=list)


def read_tree(
    root: Path, selection: Selection = EVERYTHING, *, longest: int = LONGEST_KEY, folders: bool = True
) -> LocalTree:
    """The tree below ``root``. A root that does not exist is empty. Links are entries, never followed.

    ``longest``: bytes that a path may have. With ``folders``, empty folders and those with an unusual mode
    are entries too. Raises ``UsageError`` when ``root`` cannot be read.
    """
    tree = LocalTree()
    if root.is_dir():
        _Reader(root, selection, longest, tree, folders).read()
    return tree


def entry_of(path: str, found: os.stat_result) -> LocalEntry | None:
    """The entry of what ``lstat`` found; None for what is neither file, link nor folder."""
    mode = found.st_mode
    if stat.S_ISREG(mode):
        kind, size = "file", found.st_size
    elif stat.S_ISLNK(mode):
        kind, size = "link", found.st_size
    elif stat.S_ISDIR(mode):
        kind, size = "folder", 0
    else:
        return None
    return LocalEntry(
        path=path,
        kind=kind,  # type: ignore[arg-type]
        size=size,
        mode=mode,
        mtime_ns=found.st_mtime_ns,
        changed_ns=max(found.st_mtime_ns, found.st_ctime_ns),
        inode=found.st_ino,
    )


@dataclass
class _Reader:
    root: Path
    selection: Selection
    longest: int
    tree: LocalTree
    folders: bool

    def read(self) -> None:
        try:
            self._folder(os.fspath(self.root), "", self.selection.within(self.root, ""))
        except OSError as error:
            raise UsageError(f"{self.root} cannot be read: {error.strerror}") from error

    def _folder(self, place: str, path: str, selects: Callable[[str, str, bool], bool]) -> int:
        """Reads one folder; the number of entries in it that were found."""
        with os.scandir(place) as found:
            entries = sorted(found, key=lambda each: each.name)
        count = 0
        for each in entries:
            count += self._take(each, f"{path}{each.name}", selects)
        return count

    def _take(self, found: os.DirEntry[str], path: str, selects: Callable[[str, str, bool], bool]) -> int:
        is_folder = found.is_dir(follow_symlinks=False)
        if found.name.startswith(ARRIVING):
            self.tree.arriving.append(Path(found.path))
            return 0
        if not selects(path, found.name, is_folder):
            return 1
        why = _why_not(path, self.longest)
        if why is not None:
            self.tree.problems.append(Untransferable(path=path, why=why))
            return 1
        try:
            entry = entry_of(path, found.stat(follow_symlinks=False))
            if entry is None:
                self.tree.problems.append(Untransferable(path=path, why="is no regular file"))
            elif is_folder:
                self._enter(found, entry, selects)
            elif self.selection.takes(path, found.name):
                self.tree.entries[path] = entry
        except OSError as error:
            self.tree.problems.append(Untransferable(path=path, why=error.strerror or str(error)))
        return 1

    def _enter(
        self, found: os.DirEntry[str], entry: LocalEntry, selects: Callable[[str, str, bool], bool]
    ) -> None:
        below = f"{entry.path}/"
        inner = self.selection.within(Path(found.path), below, selects)
        count = self._folder(found.path, below, inner)
        is_usual = entry.mode & 0o777 == _USUAL_FOLDER
        if self.folders and self.selection.takes_folders and not (count and is_usual):
            self.tree.entries[entry.path] = entry


def _why_not(path: str, longest: int) -> str | None:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if size > longest:
        return f"its name is longer than S3 allows by {size - longest} bytes"
    return None


def paths_in_order(tree: LocalTree) -> Iterator[LocalEntry]:
    """Entries in the order of their paths."""
    for path in sorted(tree.entries):
        yield tree.entries[path]
