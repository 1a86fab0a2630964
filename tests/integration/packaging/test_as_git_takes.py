"""The reader without git takes what git would: git is asked about random trees and rules."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runctl_auto.packaging.work_files import walk_work_folder

NAMES = (
    *("a", "b", "data", "out", "x.py", "x.pyc", "y.py", "keep.txt", "ü.txt", "two words", "[x]", "#h", "!i"),
    *("back\\slash", "end ", ".env", "a.b.c", "q?", "st*r"),
)
PIECES = (
    *NAMES,
    *(
        "*",
        "**",
        "?",
        "*.py",
        "*.p*",
        "?.txt",
        "??.txt",
        "[a-c]",
        "[!a]",
        "[^x]*",
        "[[:alpha:]]",
        "[]x]",
        "[a-",
        "[x-a]",
    ),
    *(
        "x.[a-p]*",
        "*a*",
        "*.*",
        "k*t",
        "\\#h",
        "\\!i",
        "\\[x\\]",
        "back\\\\slash",
        "[[:digit:]b]",
        "d**a",
        "[[:nope:]]",
    ),
    *("a\\", "[a\\-c]", "[\\]x]", "***", "k***"),
)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3))
    begin = draw(st.sampled_from(["", "", "", "!", "!", "/", "!/", "**/", "!**/", "#"]))
    end = draw(st.sampled_from(["", "", "", "/", "/", "/*", "/**", "/**/", " ", "\\ ", "\t", "  "]))
    return begin + "/".join(pieces) + end


@st.composite
def rule_files(draw: st.DrawFn) -> bytes:
    lines = draw(
        st.lists(st.one_of(patterns(), st.sampled_from(["*", "!*/", "!*.py", "", "/", "!"])), max_size=5)
    )
    line_end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "", "", "\ufeff"]))
    last = draw(st.sampled_from(["", line_end]))
    return (mark + line_end.join(lines) + last).encode()


@dataclass
class Tree:
    """Files, and what rules, tracked files, nested repositories and empty folders there are."""

    files: list[str]
    ignores: dict[str, bytes]
    tracked: list[str]
    nested: list[str]
    empty: list[str]
    links: list[str] = field(default_factory=list)
    exclude: bytes = b""
    person: bytes = b""
    named_excludes: bool = False
    below: str = ""


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
    wanted = draw(st.lists(paths, min_size=3, max_size=14, unique=True))
    folders = {
        "/".join(path.split("/")[:depth]) for path in wanted for depth in range(1, path.count("/") + 1)
    }
    files = [path for path in wanted if path not in folders]
    inner = sorted(folders)
    places = st.sampled_from(["", *inner])
    return Tree(
        files=files,
        ignores=draw(st.dictionaries(places, rule_files(), max_size=4)),
        tracked=draw(st.lists(st.sampled_from(files), max_size=3, unique=True)),
        nested=draw(st.lists(st.sampled_from(inner), max_size=1, unique=True)) if inner else [],
        empty=draw(st.lists(places.map(lambda place: f"{place}/void".lstrip("/")), max_size=1)),
        links=draw(st.lists(places.map(lambda place: f"{place}/link".lstrip("/")), max_size=1)),
        exclude=draw(st.one_of(st.just(b""), rule_files())),
        person=draw(st.one_of(st.just(b""), rule_files())),
        named_excludes=draw(st.booleans()),
        below=draw(st.sampled_from(["", "", "", *inner])),
    )


class Git:
    """The oracle, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "x",
            "LC_ALL": "C",
        }

    def run(self, folder: Path, *command: str) -> bytes:
        done = subprocess.run(
            ["git", "-C", str(folder), *command], env=self.environ, capture_output=True, check=True
        )
        return done.stdout

    def takes(self, folder: Path) -> set[str]:
        """What git would take of ``folder`` and of the repositories in it, as far as it is there."""
        listed = self.run(folder, "ls-files", "-z", "-co", "--exclude-standard").split(b"\0")
        found: set[str] = set()
        for name in {os.fsdecode(each).rstrip("/") for each in listed if each}:
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                found |= {f"{name}/{each}" for each in self.takes(path)}
            elif os.path.lexists(path):
                found.add(name)
        return found


def build(tree: Tree, top: Path, home: Path, git: Git) -> None:
    home.mkdir()
    for name in tree.files:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name in tree.empty:
        (top / name).mkdir(parents=True, exist_ok=True)
    for name in tree.links:
        (top / name).symlink_to("nowhere")
    for folder, content in tree.ignores.items():
        (top / folder).mkdir(parents=True, exist_ok=True)
        (top / folder / ".gitignore").write_bytes(content)
    excludes = home / "excludes" if tree.named_excludes else home / ".config" / "git" / "ignore"
    excludes.parent.mkdir(parents=True, exist_ok=True)
    excludes.write_bytes(tree.person)
    if tree.named_excludes:
        (home / ".gitconfig").write_text(
            '[user "x"]\nname = y\n[core]\n\texcludesFile = "~/excludes" ; here\n'
        )
    git.run(top, "init", "-q", "--template=")
    (top / ".git" / "info").mkdir(exist_ok=True)
    (top / ".git" / "info" / "exclude").write_bytes(tree.exclude)
    nested = [folder for folder in tree.nested if (top / folder).is_dir()]
    for name in tree.tracked:
        if not any(name.startswith(f"{folder}/") for folder in nested):
            git.run(top, "add", "-f", "--", name)
    for folder in nested:
        git.run(top / folder, "init", "-q", "--template=")


def check(tree: Tree, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    top, home = place / "top", place / "home"
    top.mkdir(parents=True)
    git = Git(home)
    build(tree, top, home, git)
    folder = top / tree.below
    expected = git.takes(folder)
    assert taken(folder, {**git.environ, "PATH": str(place / "nothing")}) == expected
    assert taken(folder, git.environ) == expected


def taken(folder: Path, environ: Mapping[str, str]) -> set[str]:
    return {file.name for file in walk_work_folder(folder, environ).files}


SLOW = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=40, derandomize=True, **SLOW)
@given(tree=trees())
def test_a_sample(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(tree, tmp_path_factory.getbasetemp() / "as-git-takes")


@pytest.mark.matrix
@settings(max_examples=300, **SLOW)
@given(tree=trees())
def test_three_hundred_trees(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(tree, tmp_path_factory.getbasetemp() / "as-git-takes-all")
