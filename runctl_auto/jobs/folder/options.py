"""Which part of a folder is planned and applied, and how."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from runctl_auto.agent.contract import GRACE_SECONDS


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """``only``: patterns of which one must match a job's name, or its file. ``changed_since``: a commit of
    git; only jobs that something changed since concerns. ``prune``: jobs whose files are gone are ended.
    ``adopt``: jobs of other repositories are taken over. ``refresh``: jobs that are as their files say are
    compared with the cloud, and what others have changed of them is healed. ``files``: only jobs of these
    files are looked at, by their names in the folder; None for all.
    """

    only: tuple[str, ...] = ()
    changed_since: str | None = None
    prune: bool = False
    adopt: bool = False
    refresh: bool = False
    grace_seconds: int = GRACE_SECONDS
    discard_artifacts: bool = False
    files: frozenset[str] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the folder is looked at."""
        return not self.only and self.changed_since is None and self.files is None

    def matches(self, job: str | None, file: str) -> bool:
        """Whether ``only`` and ``files`` let a job be looked at."""
        if self.files is not None and file not in self.files:
            return False
        names = (job, file) if job is not None else (file,)
        return not self.only or any(fnmatchcase(name, pattern) for name in names for pattern in self.only)
