"""The processes of a job are known by the mark in their environment."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.agent.local.job_folder import MARK, JobFolder
from runctl_auto.agent.local.leftover import marked_processes


def test_those_with_the_mark_of_this_job_alone(tmp_path: Path) -> None:
    folder = JobFolder(Path("/p/.runctl/local/jobs/digits"))
    marks = {
        "11": f"A=1\0{MARK}={folder.path}\0",
        "12": f"{MARK}={folder.path}-2\0",
        "13": f"NOT_{MARK}={folder.path}\0",
        "9": f"{MARK}={folder.path}",
    }
    for pid, environment in marks.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "environ").write_bytes(environment.encode())
    (tmp_path / "14").mkdir()
    (tmp_path / "self").mkdir()
    assert marked_processes(folder, tmp_path) == (9, 11)
