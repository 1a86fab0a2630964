"""The work folder of a job: the local folder that its ``workdir`` names."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.document import invalid_job_file
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.local.printable import shortened
from runctl_auto.local.project import project_around


def find_work_folder(file: JobFile) -> Path:
    """The folder to package: ``workdir``, relative to the job file.

    The job file may come from someone else, so it may only name folders of its own project. Raises
    JobFileError for any other, and for a path that is not a folder.
    """
    project = project_around(file.path.parent)
    try:
        folder = (file.path.parent / Path(file.spec.workdir).expanduser()).resolve()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError):  # the name is too long, links form a loop, ~ names an unknown user
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
