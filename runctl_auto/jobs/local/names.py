"""Which names are those of jobs of this machine. One name is one job in a project, wherever that is."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.errors import NameTakenError, NotSupportedError
from runctl_auto.jobs.local.record import LocalJobs
from runctl_auto.local.project import ProjectFolders


def here_of(folders: ProjectFolders, jobs: Sequence[str]) -> bool:
    """Whether the named jobs are those of this machine; False for none. Raises ``NotSupportedError`` for jobs
    of both kinds together."""
    known = LocalJobs(folders)
    here = [each for each in jobs if known.has(each)]
    if here and len(here) < len(jobs):
        others = [each for each in jobs if each not in here]
        raise NotSupportedError(
            f"{', '.join(here)} are jobs of this machine, and {', '.join(others)} are not: they are not "
            "looked at together.",
            where={"provider": "local"},
            next_step="Repeat the command for each of the two.",
        )
    return bool(here)


def refuse_name_of_stack(folders: ProjectFolders, job: str) -> None:
    """Raises ``NameTakenError`` when a stack of this name was set up from this project."""
    for folder in (folders.root, folders.private / "pulumi"):
        file = folder / f"Pulumi.{job}.yaml"
        if file.exists():
            raise NameTakenError(
                f"There is a job '{job}' in a cloud: {file.name} is its settings file.",
                where={"job": job, "file": str(file)},
                next_step=f"`runctl down {job}` ends that one first, or give this one another name.",
            )


def refuse_name_of_here(folders: ProjectFolders, job: str) -> None:
    """Raises ``NameTakenError`` when a job of this machine has the name."""
    if LocalJobs(folders).has(job):
        raise NameTakenError(
            f"There is a job '{job}' on this machine.",
            where={"job": job, "provider": "local"},
            next_step=f"`runctl down {job}` ends that one first, or give this one another name.",
        )
