"""Which jobs concerns what changed since a commit, asked of git; and one listing for many folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runctl_auto.errors import UsageError
from runctl_auto.jobs.folder.changed_since import ChangedFiles, changed_since
from runctl_auto.jobs.folder.repository import repository_of
from runctl_auto.packaging.git_listing import Git

POLICIES = Path("policies.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / "jobs" / name).mkdir(parents=True)
        (tmp_path / "jobs" / name / "train.py").write_text("print(1)\n")
        (tmp_path / "jobs" / f"{name}.yaml").write_text(f"name: {name}\n")
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    git(tmp_path, "checkout", "-q", "-b", "change")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")


def since(project: Path, reference: str = "main") -> ChangedFiles:
    return changed_since(reference, repository_of(project / "jobs"), project, POLICIES)


def concerned(project: Path, found: ChangedFiles) -> list[str]:
    jobs = project / "jobs"
    return [name for name in ("one", "two") if found.concerns(jobs / f"{name}.yaml", jobs / name)]


def test_file_code_and_what_is_shared(project: Path) -> None:
    assert concerned(project, since(project)) == []
    (project / "jobs" / "one.yaml").write_text("name: one\ntags: {}\n")
    assert concerned(project, since(project)) == ["one"], "not committed"
    commit(project)
    assert concerned(project, since(project)) == ["one"]
    (project / "jobs" / "two" / "new.py").write_text("")
    assert concerned(project, since(project)) == ["one", "two"], "not tracked"
    git(project, "clean", "-fdq")
    git(project, "rm", "-q", "jobs/two/train.py")
    assert concerned(project, since(project)) == ["one", "two"], "deleted"


@pytest.mark.parametrize("name", ["policies.yaml", ".runctl.toml"])
def test_what_all_jobs_read_concerns_all(project: Path, name: str) -> None:
    (project / name).write_text("")
    assert concerned(project, since(project)) == ["one", "two"]


def test_an_ignore_file_concerns_the_folders_below_it(project: Path) -> None:
    (project / "jobs" / "two" / ".runctlignore").write_text("x\n")
    assert concerned(project, since(project)) == ["two"]
    (project / "jobs" / ".gitignore").write_text("x\n")
    assert concerned(project, since(project)) == ["one", "two"]


def test_what_the_base_branch_changed_meanwhile_does_not_count(project: Path) -> None:
    git(project, "checkout", "-q", "main")
    (project / "jobs" / "one.yaml").write_text("name: other\n")
    commit(project)
    git(project, "checkout", "-q", "change")
    (project / "jobs" / "two.yaml").write_text("name: two\ntags: {}\n")
    commit(project)
    assert concerned(project, since(project)) == ["two"]


def test_an_unknown_reference_is_an_error(project: Path) -> None:
    with pytest.raises(UsageError, match="no-such-branch"):
        since(project, "no-such-branch")


def test_one_listing_tells_of_every_folder_what_git_tells_of_it_alone(project: Path) -> None:
    (project / ".gitignore").write_text("hidden/\n*.log\n")
    for name in ("jobs/one/a.log", "jobs/one/deep/b.py", "hidden/a.py", "hidden/deep/b.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("")
    git(project, "add", "-f", "hidden/a.py")
    (project / "jobs" / "nested").mkdir()
    (project / "jobs" / "nested" / "c.py").write_text("")
    git(project / "jobs" / "nested", "init", "-q")
    one = Git.on_path(os.environ)
    assert one is not None
    many = one.of_many_folders()
    folders = [each for each in (project, *project.rglob("*")) if each.is_dir() and ".git" not in each.parts]
    assert len(folders) > 6
    for folder in folders:
        assert many.listing(folder) == one.listing(folder), folder
