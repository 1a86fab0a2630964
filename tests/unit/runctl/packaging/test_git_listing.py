"""How git is asked: which command, which environment, and what becomes of its answers."""

from __future__ import annotations

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
