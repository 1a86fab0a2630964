"""Git is asked in a work tree, and nothing that a stranger's repository names is run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.packaging.work_folder import WorkFolder


class Repository:
    """A repository with a home of its own, and a marker that anything it runs would make."""

    def __init__(self, place: Path) -> None:
        self.home, self.top, self.marker = place / "home", place / "top", place / "was-run"
        self.home.mkdir()
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self.top.mkdir()
        self.git("init", "-q")

    def git(self, *command: str, folder: Path | None = None) -> None:
        where = str(folder or self.top)
        subprocess.run(["git", "-C", where, *command], env=self.environ, check=True, capture_output=True)

    def put(self, name: str, content: str = "") -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def script(self) -> str:
        """A script that makes the marker."""
        path = self.home / "script"
        path.write_text(f"#!/bin/sh\ntouch {self.marker}\n")
        path.chmod(0o755)
        return str(path)

    def walked(self, folder: Path | None = None, **environ: str) -> WorkFolder:
        return walk_work_folder(folder or self.top, {**self.environ, **environ})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def names(found: WorkFolder) -> set[str]:
    return {file.name for file in found.files}


def test_tracked_files_travel_and_reasons_name_the_rules(repository: Repository) -> None:
    repository.put(".gitignore", "data/\n*.bin\n!*/\n")
    for name in ("data/keep.csv", "data/other.csv", "a.bin", "train.py"):
        repository.put(name)
    repository.git("add", "-f", "data/keep.csv")
    found = repository.walked()
    assert names(found) == {".gitignore", "data/keep.csv", "data/other.csv", "train.py"}
    repository.put(".gitignore", "data/\n*.bin\n")
    found = repository.walked()
    assert names(found) == {".gitignore", "data/keep.csv", "train.py"}
    assert {each.name: each.why for each in found.left_out} == {
        "a.bin": ".gitignore:2: *.bin",
        "data/other.csv": ".gitignore:1: data/",
    }


def test_what_a_stranger_configures_is_not_run(repository: Repository) -> None:
    script = repository.script()
    repository.put("train.py")
    repository.put(".gitattributes", "* filter=evil diff=evil\n")
    for setting in (
        *("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "core.pager"),
        *("core.sshCommand", "core.editor", "alias.ls-files", "alias.rev-parse", "core.askPass"),
    ):
        repository.git("config", setting, f"!{script}" if setting.startswith("alias") else script)
    hooks = repository.top / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "pre-commit", "fsmonitor-watchman", "query-watchman"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {repository.marker}\n")
        (hooks / hook).chmod(0o755)
    before = {each: each.stat().st_mtime_ns for each in sorted((repository.top / ".git").rglob("*"))}
    assert names(repository.walked()) == {".gitattributes", "train.py"}
    assert not repository.marker.exists()
    assert {each: each.stat().st_mtime_ns for each in sorted((repository.top / ".git").rglob("*"))} == before


def test_a_work_tree_elsewhere_is_not_listed(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("x")
    repository.put("train.py")
    repository.git("config", "core.worktree", str(tmp_path / "private"))
    found = repository.walked()
    assert names(found) == {"train.py"}
    assert "runctl read its rules itself" in found.notes[0]


def test_a_repository_that_the_caller_stands_in_is_not_the_one_asked(
    repository: Repository, tmp_path: Path
) -> None:
    repository.put("train.py")
    other = tmp_path / "other"
    other.mkdir()
    found = repository.walked(GIT_DIR=str(other), GIT_WORK_TREE=str(other), GIT_INDEX_FILE=str(other / "i"))
    assert (names(found), found.notes) == ({"train.py"}, ())


def test_a_repository_that_git_refuses_is_read_without_it(repository: Repository) -> None:
    repository.put(".gitignore", "*.bin\n")
    repository.put("a.bin")
    repository.put("train.py")
    repository.git("config", "core.repositoryFormatVersion", "99")
    found = repository.walked()
    assert names(found) == {".gitignore", "train.py"}
    assert "git was asked about" in found.notes[0]


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_the_index_is_read_as_git_writes_it(repository: Repository, version: str) -> None:
    repository.put(".gitignore", "data/\n")
    for name in ("data/a/one", "data/a/two", "data/b"):
        repository.put(name)
    repository.git("add", "-f", "data/a/one", "data/b")
    repository.git("update-index", "--index-version", version)
    if version == "3":
        repository.git("add", "-f", "-N", "data/a/two")
        repository.git("rm", "-q", "--cached", "-f", "data/b")
    expected = names(repository.walked())
    assert names(repository.walked(PATH="/nowhere")) == expected
    assert len(expected) == 3


def test_a_repository_of_sha256_and_a_second_work_tree(repository: Repository, tmp_path: Path) -> None:
    top = tmp_path / "sha256"
    top.mkdir()
    repository.git("init", "-q", "--object-format=sha256", folder=top)
    (top / ".gitignore").write_text("*.bin\n")
    (top / "a.bin").write_text("x")
    repository.git("add", "-f", "a.bin", ".gitignore", folder=top)
    repository.git("commit", "-q", "-m", "x", folder=top)
    repository.git("worktree", "add", "-q", str(tmp_path / "second"), folder=top)
    (top / ".git" / "info" / "exclude").write_text("*.tmp\n")
    (tmp_path / "second" / "b.tmp").write_text("x")
    for folder in (top, tmp_path / "second"):
        assert names(repository.walked(folder)) == {".gitignore", "a.bin"}
        assert names(repository.walked(folder, PATH="/nowhere")) == {".gitignore", "a.bin"}


def test_a_submodule_travels_with_its_own_rules(repository: Repository, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    repository.git("init", "-q", folder=library)
    (library / "lib.py").write_text("x")
    (library / ".gitignore").write_text("*.tmp\n")
    repository.git("add", ".", folder=library)
    repository.git("commit", "-q", "-m", "x", folder=library)
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "vendor/lib")
    repository.put("vendor/lib/x.tmp")
    expected = {".gitmodules", "vendor/lib/.gitignore", "vendor/lib/lib.py"}
    assert names(repository.walked()) == expected
    assert names(repository.walked(PATH="/nowhere")) == expected
