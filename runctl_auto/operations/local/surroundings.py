"""What verbs work with for a job of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.jobs.local.record import LocalJobs
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.schema import Settings


@dataclass(frozen=True)
class LocalSurroundings:
    """What ``up`` works with here: no session, which would need an engine. ``shell`` is the environment that
    the command was started with."""

    settings: Settings
    folders: ProjectFolders
    reporter: Reporter
    shell: Mapping[str, str] = field(repr=False)

    @property
    def jobs(self) -> LocalJobs:
        return LocalJobs(self.folders, self.reporter.say)

    @property
    def downloads(self) -> Path:
        return self.folders.root / self.settings.checkpoint.directory
