"""The work folder of a job: which folder of this machine its ``workdir`` names."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.document import invalid_job_file
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.local.printable import shortened
from runctl_auto.local.project import find_project


def find_work_folder(file: JobFile) -> Path:
    """The folder that travels to the machine: ``workdir``, relative to the job file.

    A job file may be another person's, so it may name folders of its own project only. Raises JobFileError
    for any other, and for what is not a folder.
    """
    project = find_project(file.path.parent).root
    try:
        folder = (file.path.parent / Path(file.spec.workdir).expanduser()).resolve()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError):  # too long a name, a loop of links, ~ of an unknown user
        is_folder = False
    if not is_folder:
        raise _wrong_workdir(file, "is not a folder", "a folder")
    if not folder.is_relative_to(project):
        allowed = f"a folder in {project}, the nearest with a .git, .runctl or .runctl.toml"
        raise _wrong_workdir(file, "leads out of the project", allowed)
    return folder


def _wrong_workdir(file: JobFile, message: str, allowed: str) -> JobFileError:
    problem = file.problem(("workdir",), message, found=shortened(file.spec.workdir), allowed=allowed)
    return invalid_job_file(str(file.path), [problem])
