"""The folders of this machine's jobs: claimed by one command, removed whole, also after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.job_stacks import stack_config

from runctl_auto.errors import JobNotFoundError, StackLockedError
from runctl_auto.jobs.local.record import LocalJobs
from runctl_auto.local.project import ProjectFolders


@pytest.fixture
def jobs(tmp_path: Path) -> LocalJobs:
    return LocalJobs(ProjectFolders(tmp_path))


def test_a_job_is_there_once_it_has_a_folder(jobs: LocalJobs) -> None:
    assert not jobs.has("digits")
    assert jobs.names() == ()
    jobs.make_folder("digits")
    assert jobs.has("digits")
    assert jobs.names() == ("digits",)
    assert (jobs.folder("digits").path.stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "*"])
def test_other_texts_are_no_jobs(jobs: LocalJobs, name: str) -> None:
    jobs.make_folder("digits")
    assert not jobs.has(name)


def test_the_configuration_is_read_back(jobs: LocalJobs) -> None:
    jobs.make_folder("digits")
    with pytest.raises(JobNotFoundError):
        jobs.applied_config("digits")
    config = stack_config()
    jobs.write_config("digits", config)
    assert jobs.applied_config("digits") == config


def test_one_command_at_a_time_has_a_job(jobs: LocalJobs) -> None:
    with jobs.claimed("digits"), pytest.raises(StackLockedError), jobs.claimed("digits"):
        pass
    with jobs.claimed("digits"):
        jobs.remove_folder("digits")
        with jobs.claimed("digits"):
            assert jobs.has("digits"), "the folder of another life is another job"


def test_a_folder_is_removed_whole_or_at_the_next_call(jobs: LocalJobs) -> None:
    folder = jobs.make_folder("digits").path
    (folder / "closed").mkdir()
    (folder / "closed" / "file").touch()
    (folder / "closed").chmod(0o500)
    jobs.remove_folder("digits")
    assert not jobs.has("digits")
    left = jobs.root / "gone" / "digits.0123"
    left.mkdir(parents=True)
    assert jobs.has("digits"), "a removal was interrupted"
    assert jobs.being_removed("digits") == (left,)
    jobs.remove_folder("digits")
    assert not jobs.has("digits")
    assert not (jobs.root / "gone").exists()
