"""How git is asked: which command, which environment, and what becomes of its answers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.packaging.git_listing import GIT_SECONDS, Git, GitFailedError

FOLDER = Path("/project/code")


class Answers:
    """Stands in for ``subprocess.run``."""

    def __init__(self, *answers: bytes | int | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[list[str], Mapping[str, Any]]] = []
        self.run = create_autospec(subprocess.run, side_effect=self.answer)

    def answer(self, arguments: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        self.calls.append((arguments, options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return subprocess.CompletedProcess(arguments, answer, b"", b"fatal: dubious ownership\nmore\n")
        return subprocess.CompletedProcess(arguments, 0, answer, b"")


def test_names_are_relative_to_the_folder_and_a_nested_repository_is_one() -> None:
    answers = Answers(b"/project\n", b"a.py\0sub/b.py\0nested/\0a.py\0\xff\0")
    listing = Git("git", {}, answers.run).listing(FOLDER)
    assert listing.root == Path("/project")
    assert listing.names == {"a.py", "sub/b.py", "nested", "\udcff"}


def test_nothing_that_the_folder_configures_is_run_and_no_other_repository_is_meant() -> None:
    answers = Answers(b"/project\n", b"")
    environ = {
        "PATH": "/bin",
        "GIT_DIR": "/elsewhere",
        "GIT_INDEX_FILE": "/elsewhere/index",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_GLOBAL": "/home/me/config",
    }
    Git("git", environ, answers.run).listing(FOLDER)
    for arguments, options in answers.calls:
        assert arguments[:7] == [
            *("git", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"),
            *("-c", "core.hooksPath=/dev/null"),
        ]
        assert arguments[7:9] == ["-C", "/project/code"]
        assert options["env"] == {
            "PATH": "/bin",
            "GIT_CONFIG_GLOBAL": "/home/me/config",
            "LC_ALL": "C",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_TERMINAL_PROMPT": "0",
        }
        assert (options["stdin"], options["timeout"]) == (subprocess.DEVNULL, GIT_SECONDS)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([128], "fatal: dubious ownership"),
        ([b"/project\n", 128], "fatal: dubious ownership"),
        ([b"/elsewhere\n"], "the work tree of its repository is /elsewhere"),
        ([subprocess.TimeoutExpired("git", 1)], "git did not answer within 120 s"),
        ([PermissionError(13, "Permission denied")], "Permission denied"),
    ],
)
def test_what_git_cannot_tell_is_said(answers: list[Any], told: str) -> None:
    with pytest.raises(GitFailedError, match=told):
        Git("git", {}, Answers(*answers).run).listing(FOLDER)


def test_without_git_on_path_there_is_none(tmp_path: Path) -> None:
    assert Git.on_path({"PATH": str(tmp_path)}) is None


def test_many_folders_of_one_work_tree_are_one_question(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    answers = Answers(os.fsencode(tmp_path) + b"\n", b"a.py\0one/a.py\0one/b/c.py\0one-more/x\0two/y.py\0")
    git = Git("git", {}, answers.run).of_many_folders()
    assert git.listing(tmp_path / "one").names == {"a.py", "b/c.py"}
    assert git.listing(tmp_path / "two").names == {"y.py"}
    assert git.listing(tmp_path / "none").names == set()
    assert "one/b/c.py" in git.listing(tmp_path).names
    assert len(answers.calls) == 2


def test_a_work_tree_that_git_refuses_is_refused_for_each_folder_of_it(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    answers = Answers(128)
    git = Git("git", {}, answers.run).of_many_folders()
    for name in ("one", "two"):
        with pytest.raises(GitFailedError, match="dubious"):
            git.listing(tmp_path / name)


def test_a_reference_is_never_an_option() -> None:
    answers = Answers(b"c0ffee\n", b"ba5e\n", b"jobs/a.yaml\0", b"new.yaml\0")
    names = Git("git", {}, answers.run).changed_since(FOLDER, "--output=x")
    assert names == {"jobs/a.yaml", "new.yaml"}
    first, _, third, _ = (command for command, _ in answers.calls)
    assert first[-2:] == ["--end-of-options", "--output=x^{commit}"]
    assert "ba5e" in third


def test_without_a_common_ancestor_the_commit_itself_counts() -> None:
    answers = Answers(b"c0ffee\n", 1, b"", b"")
    assert Git("git", {}, answers.run).changed_since(FOLDER, "main") == set()
    assert "c0ffee" in answers.calls[2][0]
