"""Lists what a folder holds, without following links."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.agent.saving.manifest import MODES, Problem
from runctl_auto.agent.saving.storable import problem_of_kind, problem_of_name, shown

BLOCK_BYTES = 512
HOLE_BYTES = 64 * 1024
"""A file with fewer bytes in holes is not worth storing as a sparse one."""


@dataclass(frozen=True)
class FileState:
    """A regular file at one moment. `device` and `inode` identify it, under whichever name."""

    size: int
    mtime_ns: int
    inode: int
    mode: int = 0o644
    device: int = field(default=0, compare=False)
    allocated: int = field(default=0, compare=False)

    @classmethod
    def of(cls, found: os.stat_result) -> FileState:
        return cls(
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            inode=found.st_ino,
            mode=found.st_mode & MODES,
            device=found.st_dev,
            allocated=found.st_blocks * BLOCK_BYTES,
        )

    @property
    def identity(self) -> tuple[int, int]:
        return self.device, self.inode

    @property
    def is_sparse(self) -> bool:
        return self.size - self.allocated >= HOLE_BYTES


@dataclass(frozen=True)
class FolderState:
    """A folder at one moment. Its time changes with every file in it, so it does not count as a change."""

    mode: int
    mtime_ns: int = field(compare=False)


@dataclass(frozen=True)
class FileTree:
    """Regular files, folders and links that stay inside, by relative path, in order.

    `absolute_links` have targets relative to the folder. `left_out` cannot be saved.
    """

    files: Mapping[str, FileState] = field(default_factory=dict)
    folders: Mapping[str, FolderState] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    absolute_links: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[Problem, ...] = field(default=(), compare=False)

    @property
    def is_empty(self) -> bool:
        return not self.files

    @property
    def count(self) -> int:
        """Files, folders, links and what is left out."""
        listed = (self.files, self.folders, self.links, self.absolute_links, self.left_out)
        return sum(len(each) for each in listed)


def scan(folder: Path) -> FileTree:
    """The current content of `folder`; empty when it does not exist. Skips files that vanish meanwhile."""
    found = _Scan(folder)
    for parent, folders, names in os.walk(folder, onerror=found.unreadable):
        folders[:] = [name for name in sorted(folders) if found.enters(parent, name)]
        for name in sorted(names):
            found.look(parent, name)
    return found.tree()


class _Scan:
    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._homes = {self._folder, os.path.realpath(folder)}
        self._files: dict[str, FileState] = {}
        self._folders: dict[str, FolderState] = {}
        self._links: dict[str, str] = {}
        self._absolute_links: dict[str, str] = {}
        self._left_out: list[Problem] = []

    def unreadable(self, error: OSError) -> None:
        """A folder that cannot be listed; one that has gone is no problem."""
        if not isinstance(error, FileNotFoundError):
            self._leave_out(self._relative(str(error.filename)), f"cannot be read: {error.strerror}")

    def enters(self, parent: str, name: str) -> bool:
        """Takes in what is listed as a folder; whether to list it as well."""
        path = os.path.join(parent, name)
        if os.path.islink(path):
            self.look(parent, name)
            return False
        problem = problem_of_name(name)
        if problem:
            self._leave_out(self._relative(path), f"{problem}; nothing in this folder is saved")
            return False
        try:
            state = os.lstat(path)
        except OSError as error:
            self.unreadable(error)
            return False
        self._folders[self._relative(path)] = FolderState(state.st_mode & MODES, state.st_mtime_ns)
        return True

    def look(self, parent: str, name: str) -> None:
        path = os.path.join(parent, name)
        relative = self._relative(path)
        try:
            state = os.lstat(path)
            problem = problem_of_name(name) or problem_of_kind(state.st_mode)
            if problem:
                self._leave_out(relative, problem)
            elif stat.S_ISLNK(state.st_mode):
                self._look_at_link(path, relative)
            else:
                self._files[relative] = FileState.of(state)
        except FileNotFoundError:
            return
        except OSError as error:
            self._leave_out(relative, f"cannot be read: {error.strerror}")

    def tree(self) -> FileTree:
        return FileTree(
            files=dict(sorted(self._files.items())),
            folders=dict(sorted(self._folders.items())),
            links=dict(sorted(self._links.items())),
            absolute_links=dict(sorted(self._absolute_links.items())),
            left_out=tuple(sorted(self._left_out, key=lambda problem: problem.path)),
        )

    def _look_at_link(self, path: str, relative: str) -> None:
        text = os.readlink(path)
        target = self._inside(os.path.normpath(os.path.join(os.path.dirname(path), text)))
        if target is None:
            self._leave_out(relative, f"is a link that leads out of the folder: {shown(text)}")
        elif problem_of_name(text):
            self._leave_out(relative, f"is a link whose target cannot be written down: {shown(text)}")
        elif os.path.isabs(text):
            self._absolute_links[relative] = target
        else:
            self._links[relative] = text

    def _inside(self, target: str) -> str | None:
        """`target` relative to the folder, None if it is not in it."""
        for home in self._homes:
            if target == home or target.startswith(home + os.sep):
                return os.path.relpath(target, home)
        return None

    def _relative(self, path: str) -> str:
        return path[len(self._folder) :].lstrip(os.sep) or "."

    def _leave_out(self, relative: str, why: str) -> None:
        self._left_out.append(Problem(shown(relative), why))


def remove_folder(folder: Path) -> None:
    """Removes a folder and its content; does nothing if it is absent."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
