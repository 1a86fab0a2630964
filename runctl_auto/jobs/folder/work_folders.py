"""The work folders of many jobs: each is walked and hashed once, and git is asked once for a repository."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from runctl_auto.errors import RunctlError
from runctl_auto.job_file.document import JobDocument
from runctl_auto.jobs.check import CheckedJob, check_job
from runctl_auto.packaging.git_listing import Git
from runctl_auto.packaging.package import code_sha256
from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.packaging.work_folder import WorkFolder


@dataclass
class WorkFolders:
    """Of one command: what changes while it looks is seen by the next."""

    _walked: dict[Path, WorkFolder | RunctlError] = field(default_factory=dict)
    _hashes: dict[Path, str] = field(default_factory=dict)

    def check(self, path: Path, read: JobDocument) -> CheckedJob:
        """The job file at ``path``, which was read, with its work folder; raises as ``check_job``."""
        return check_job(path, read=read, walk=self.walk)

    def walk(self, folder: Path) -> WorkFolder:
        """As ``walk_work_folder``."""
        if folder not in self._walked:
            try:
                self._walked[folder] = walk_work_folder(folder, git=self._git)
            except RunctlError as error:
                self._walked[folder] = error
        found = self._walked[folder]
        if isinstance(found, RunctlError):
            raise found
        return found

    def code(self, work: WorkFolder) -> str:
        """The hash of what travels of a work folder. Raises ``PackagingError``."""
        if work.path not in self._hashes:
            self._hashes[work.path] = code_sha256(work)
        return self._hashes[work.path]

    @cached_property
    def _git(self) -> Git | None:
        git = Git.on_path(os.environ)
        return None if git is None else git.of_many_folders()
