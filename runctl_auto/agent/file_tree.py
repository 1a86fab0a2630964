"""Lists the files of a folder and takes a consistent copy of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.agent.errors import FileChangedError

COPIED_BYTES = 16 * 1024 * 1024

Fingerprint = tuple[int, int, int]


@dataclass(frozen=True)
class FileTree:
    """Regular files (path to size, time of change, inode) and links that stay inside, by relative path."""

    files: Mapping[str, Fingerprint] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.files


def scan(folder: Path) -> FileTree:
    """The current content of `folder`; empty when it does not exist. Skips files that vanish meanwhile."""
    files: dict[str, Fingerprint] = {}
    links: dict[str, str] = {}
    for parent, folders, names in os.walk(folder):
        for name in sorted(names + [entry for entry in folders if (Path(parent) / entry).is_symlink()]):
            path = Path(parent) / name
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink():
                if _stays_inside(path, folder):
                    links[relative] = str(path.readlink())
                continue
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                files[relative] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return FileTree(dict(sorted(files.items())), dict(sorted(links.items())))


def freeze(folder: Path, tree: FileTree, target: Path) -> None:
    """Copies the files of `tree` to `target` in their current state.

    Small files are copied, so that logs beside a model may grow while it is stored. Large ones are hard links
    where possible, which take no time and no space; one that is later written in place (not renamed into
    place) changes there too, which the reader must detect. Raises FileChangedError when `folder` no longer
    matches `tree`.
    """
    remove_folder(target)
    target.mkdir(parents=True)
    try:
        for relative, (size, _, _) in tree.files.items():
            copy = target / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            if size <= COPIED_BYTES:
                shutil.copyfile(folder / relative, copy)
            else:
                _link_or_copy(folder / relative, copy)
    except FileNotFoundError as error:
        raise FileChangedError(f"{error.filename} vanished while it was being saved") from error
    if scan(folder) != tree:
        raise FileChangedError(f"{folder} changed while it was being saved")


def remove_folder(folder: Path) -> None:
    """Removes a folder and its content; does nothing if it is absent."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _link_or_copy(source: Path, copy: Path) -> None:
    try:
        os.link(source, copy, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, copy)


def _stays_inside(link: Path, folder: Path) -> bool:
    target = Path(os.path.normpath(link.parent / link.readlink()))
    return not link.readlink().is_absolute() and (target == folder or folder in target.parents)
