"""What commands check first: the job file and its work folder. Needs no cloud and makes nothing."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.job_file.load import JobSpec, load_job, work_folder
from runctl_auto.packaging.work_files import work_files


def check_files(path: Path) -> JobSpec:
    """The job file at ``path``, its work folder looked through.

    Raises JobFileError for a wrong file, JobFileError or PackagingError for a work folder, or something in
    it, that cannot travel.
    """
    spec = load_job(path)
    for _ in work_files(work_folder(path, spec)):
        pass
    return spec


def check_job(path: Path) -> JobSpec:
    """As ``check_files``, and refuses what ``up`` does not do."""
    from runctl_auto.jobs.intent import read_job

    check_files(path)
    return read_job(path)
