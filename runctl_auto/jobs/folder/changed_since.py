"""Which jobs of a folder concerns what changed since a commit: their files, their code, what they read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runctl_auto.errors import UsageError
from runctl_auto.jobs.folder.repository import Repository
from runctl_auto.local.project import SETTINGS_FILE
from runctl_auto.packaging.git_listing import Git, GitFailedError
from runctl_auto.packaging.work_files import GIT_IGNORE, RUNCTL_IGNORE
from runctl_auto.stack.source import Source


@dataclass(frozen=True)
class ChangedFiles:
    """``names`` are relative to ``root``, with slashes, those of deleted files too. ``everything``: one of
    them concerns all jobs, such as the project's policies."""

    root: Path
    names: frozenset[str]
    everything: bool = False

    def concerns(self, file: Path, work_folder: Path | None) -> bool:
        """Whether they concern the job of ``file`` whose code is in ``work_folder``, if that is known."""
        if self.everything or self._name(file) in self.names:
            return True
        if work_folder is None:
            return False
        folder = self._name(work_folder)
        return any(_is_below(name, folder) or _rules(name, folder) for name in self.names)

    def concerns_removed(self, source: Source) -> bool:
        """Whether they concern a job whose file is gone."""
        return self.everything or source.file in self.names

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else ".."


def changed_since(reference: str, repository: Repository, project: Path, policies: Path) -> ChangedFiles:
    """What changed since ``reference`` branched off, also what is not committed or not tracked. Blocks.

    Raises ``UsageError`` when git does not know it, or is not there.
    """
    git = Git.on_path(os.environ)
    if git is None:
        raise UsageError("--changed-since needs git on PATH.", next_step="Install git, or go without it.")
    try:
        names = git.changed_since(repository.root, reference)
    except GitFailedError as error:
        raise UsageError(
            f"What changed since {reference} is not known: {error}.",
            where={"reference": reference, "repository": str(repository.root)},
            next_step="Name a commit, tag or branch of this repository; a shallow clone has to fetch it "
            "first.",
        ) from error
    shared = {_relative(path, repository.root) for path in (project / SETTINGS_FILE, project / policies)}
    return ChangedFiles(repository.root, names, everything=bool(shared & names))


def _relative(path: Path, root: Path) -> str:
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else ""


def _is_below(name: str, folder: str) -> bool:
    return folder == "." or name.startswith(f"{folder}/")


def _rules(name: str, folder: str) -> bool:
    """Whether ``name`` holds rules on what travels of ``folder``: an ignore file above it."""
    path = PurePosixPath(name)
    return path.name in (GIT_IGNORE, RUNCTL_IGNORE) and _is_below(f"{folder}/", path.parent.as_posix())
