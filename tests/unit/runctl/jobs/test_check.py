"""What is checked of a job file and its work folder before anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.errors import JobFileError, NotSupportedError, PackagingError
from runctl_auto.jobs.check import check_files, check_job

JOB = "name: digits\nregion: us-east-1\nrun: 'true'\n"


def test_what_up_does_not_do_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(f"{JOB}nodes: 3\nrecovery: cloud\nbudget: 5\n")
    with pytest.raises(NotSupportedError, match="nodes: 3 with recovery: cloud is not supported yet"):
        check_job(file)
    assert check_files(file).spec.nodes == 3
    with pytest.raises(JobFileError):
        check_job(tmp_path / "absent.yaml")


def test_the_walked_work_folder_is_carried(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    (tmp_path / "train.py").touch()
    job = check_job(file)
    assert (job.file.path, job.work_folder.path) == (file, tmp_path.resolve())
    assert [each.name for each in job.work_folder.files] == ["job.yaml", "train.py"]
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(PackagingError, match="leads out"):
        check_job(file)
