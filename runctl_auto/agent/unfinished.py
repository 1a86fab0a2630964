"""Which files of the checkpoint folder were half-written at one moment, judged from who has them open."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping

from runctl_auto.agent.file_tree import FileState, FileTree

LOG_SUFFIXES = (".log", ".txt", ".out", ".err", ".csv", ".tsv", ".jsonl", ".ndjson")
LOG_PARTS = ("tfevents",)
TEMPORARY_SUFFIXES = (".tmp", ".temp", ".part", ".partial", ".incomplete", ".swp", "~")
TEMPORARY_PREFIXES = ("tmp", ".tmp", ".~")


def looks_unfinished(path: str, state: FileState, last: Mapping[str, FileState]) -> bool:
    """Whether a file that is open for writing looks half-written rather than like a log.

    `last` is the folder at the last save. A file that has kept its place and has not become shorter since is
    taken for one that grows (a log) or is written in many places (a database). A temporary file, which is to
    be renamed once it is whole, is no part of what a script resumes from.
    """
    name = os.path.basename(path).lower()
    if name.endswith(LOG_SUFFIXES) or any(part in name for part in LOG_PARTS):
        return False
    if any(_is_temporary(each) for each in path.lower().split("/")):
        return False
    before = last.get(path)
    return before is None or before.inode != state.inode or state.size < before.size


def _is_temporary(name: str) -> bool:
    return name.endswith(TEMPORARY_SUFFIXES) or name.startswith(TEMPORARY_PREFIXES) or ".tmp" in name


def being_written(
    tree: FileTree,
    last: FileTree | None,
    written: Collection[tuple[int, int]],
    is_recent: Callable[[FileState], bool],
) -> list[str]:
    """The files of `tree` that a process is writing anew. `written`: identities of files open for writing."""
    known = last.files if last else {}
    return [
        path
        for path, state in tree.files.items()
        if state.identity in written and is_recent(state) and looks_unfinished(path, state, known)
    ]
