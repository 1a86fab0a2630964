"""Counts the files that code opens and the folders it lists, from the interpreter's audit events."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FileAccess:
    """Number of times each path was opened, and each folder listed."""

    def __init__(self) -> None:
        self.opened: Counter[Path] = Counter()
        self.listed: Counter[Path] = Counter()

    def opened_in(self, folder: Path) -> dict[str, int]:
        """Files in ``folder`` by name, with the number of times each was opened."""
        found = {path: count for path, count in self.opened.items() if path.is_relative_to(folder)}
        return {path.relative_to(folder).as_posix(): count for path, count in found.items()}

    def listed_in(self, folder: Path) -> dict[str, int]:
        """``folder`` (``.``) and its subfolders by name, with the number of times each was listed."""
        found = {path: count for path, count in self.listed.items() if path.is_relative_to(folder)}
        return {path.relative_to(folder).as_posix(): count for path, count in found.items()}


_watching: list[FileAccess] = []


@contextmanager
def counted_file_access() -> Iterator[FileAccess]:
    """Count inside the context, in all threads of this process."""
    _install()
    access = FileAccess()
    _watching.append(access)
    try:
        yield access
    finally:
        _watching.remove(access)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching or event not in ("open", "os.scandir", "os.listdir"):
        return
    path = arguments[0]
    if not isinstance(path, (str, bytes, os.PathLike)):  # a descriptor, or None for the current folder
        return
    place = Path(os.fsdecode(path)).absolute()
    for access in _watching:
        (access.opened if event == "open" else access.listed)[place] += 1


_installed: list[bool] = []


def _install() -> None:
    """An audit hook cannot be removed: one is installed per process, and is idle outside the contexts."""
    if not _installed:
        sys.addaudithook(_hear)
        _installed.append(True)
