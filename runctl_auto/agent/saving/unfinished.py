"""Which files of the checkpoint folder were half-written at one moment, judged from who has them open."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping

from runctl_auto.agent.saving.file_tree import FileState, FileTree

RECENT_SECONDS = 10.0
"""A file that is open for writing is being written if it changed at most this long ago."""
LONG_SECONDS = 120.0
"""One that has been open for this long without becoming shorter is a log or a database."""
LOG_SUFFIXES = (".log", ".txt", ".out", ".err", ".csv", ".tsv", ".jsonl", ".ndjson")
LOG_PARTS = ("tfevents",)
TEMPORARY_SUFFIXES = (".tmp", ".temp", ".part", ".partial", ".incomplete", ".swp", "~")
TEMPORARY_PREFIXES = ("tmp", ".tmp", ".~")


def looks_unfinished(path: str, state: FileState, last: Mapping[str, FileState]) -> bool:
    """Whether a file that is open for writing looks half-written rather than like a log.

    `last` are the files of the last whole checkpoint. A file that has kept its place and has not become
    shorter since is taken for one that grows (a log) or is written in many places (a database). A temporary
    file, which is to be renamed once it is whole, is no part of what a script resumes from.
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


def unfinished(tree: FileTree, whole: FileTree | None, concerned: Callable[[FileState], bool]) -> list[str]:
    """The files of `tree` that are `concerned` and look half-written. `whole`: the last whole checkpoint."""
    known = whole.files if whole else {}
    return [
        path
        for path, state in tree.files.items()
        if concerned(state) and looks_unfinished(path, state, known)
    ]


class OpenFiles:
    """Watches the files that the job has open for writing from save to save. `clock` is in seconds since the
    epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._growing: dict[str, tuple[FileState, float]] = {}

    def being_written(
        self, tree: FileTree, whole: FileTree | None, written: Collection[tuple[int, int]]
    ) -> list[str]:
        """The files of `tree` that a process is writing anew; `written` are those open for writing.

        Not those that are at rest, nor those that have been open and have not become shorter for long.
        """
        now = self._clock()
        opened = {path: state for path, state in tree.files.items() if state.identity in written}
        self._growing = {path: (state, self._since(path, state, now)) for path, state in opened.items()}

        def is_concerned(state: FileState) -> bool:
            return state.identity in written and now - state.mtime_ns / 1e9 <= RECENT_SECONDS

        found = unfinished(tree, whole, is_concerned)
        return [path for path in found if now - self._growing[path][1] <= LONG_SECONDS]

    def _since(self, path: str, state: FileState, now: float) -> float:
        before, since = self._growing.get(path, (state, now))
        has_grown = before.inode == state.inode and before.size <= state.size
        return since if has_grown else now
