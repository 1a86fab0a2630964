"""Which program a project's Pulumi.yaml makes the engine run: runctl's own, or any other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_auto.local.project_program import foreign_program, is_runctl_project, program_of

OWN = "name: runctl\ndescription: A job per stack, from its file\nmain: stacks/\nruntime:\n  name: python\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder of the installed program, in the project itself as in runctl's own checkout."""
    (tmp_path / "stacks").mkdir()
    return tmp_path / "stacks"


def is_foreign(folder: Path, text: str, own: Path) -> bool:
    (folder / "Pulumi.yaml").write_bytes(text.encode())
    return foreign_program(folder, own) is not None


@pytest.mark.parametrize(
    "text", [OWN, OWN.replace("\n", "\r\n"), "name: runctl\nmain: stacks\nruntime: python\n\n"]
)
def test_what_runctl_writes_is_its_own(tmp_path: Path, own: Path, text: str) -> None:
    assert not is_foreign(tmp_path, text, own)


def test_a_project_of_another_name_is_not_run_at_all(tmp_path: Path, own: Path) -> None:
    assert not is_foreign(tmp_path, OWN.replace("runctl", "infra").replace("stacks", "evil"), own)
    assert not is_runctl_project(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("stacks/", "evil/"),
        ("stacks/", "../stacks/"),
        ("stacks/", '"evil/"'),
        ("main: stacks/\n", ""),
        ("main: stacks/\n", "main: stacks/\nmain: evil/\n"),
        ("main: stacks/\n", "main: stacks/\n? main\n: evil\n"),
        ("main: stacks/\n", "main: stacks/\n<<: {main: evil}\n"),
        ("  name: python\n", "  name: python\n  options: {virtualenv: evil}\n"),
        ("  name: python\n", "  name: nodejs\n"),
        ("runtime:\n  name: python\n", "runtime: nodejs\n"),
        ("runtime:", "plugins:\n  providers:\n    - name: aws\n      path: evil\nruntime:"),
        ("runtime:", "packages: {aws: ./evil}\nruntime:"),
        ("runtime:", "backend:\n  url: https://evil.example\nruntime:"),
        ("runtime:", "stackConfigDir: /elsewhere\nruntime:"),
        ("runtime:", "config:\n  aws:profile: admin\nruntime:"),
        # texts of several lines, in which `main` is a part of the description
        ("A job per stack, from its file\nmain: stacks/", '"\nmain: stacks/\n# "'),
        ("A job per stack, from its file\nmain: stacks/", "'\nmain: stacks/\n# '"),
        ("A job per stack, from its file", "|"),
        ("A job per stack, from its file", "a\u2028main: evil/"),
        ("A job per stack, from its file", "a\x85main: evil/"),
        ("name: runctl\n", "%YAML 1.1\n---\nname: runctl\n"),
        ("name: runctl\n", "name: runctl\n---\nname: runctl\nmain: evil\n"),
    ],
)
def test_everything_else_is_another_program(tmp_path: Path, own: Path, old: str, new: str) -> None:
    assert is_foreign(tmp_path, OWN.replace(old, new), own)


@pytest.mark.parametrize("name", ["Pulumi.json", "Pulumi.yml"])
def test_a_second_project_file_that_the_engine_may_prefer(tmp_path: Path, own: Path, name: str) -> None:
    assert not is_foreign(tmp_path, OWN, own)
    (tmp_path / name).symlink_to("elsewhere")
    assert is_foreign(tmp_path, OWN, own)


def test_the_program_is_named_with_its_file(tmp_path: Path, own: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(OWN.replace("stacks/", "'evil'"))
    found = foreign_program(tmp_path, own)
    assert found is not None
    assert (found.folder, found.file) == (tmp_path / "evil", tmp_path / "Pulumi.yaml")
    (tmp_path / "Pulumi.yaml").write_text("name: runctl\nruntime: python\n")
    assert program_of(tmp_path) == tmp_path


def test_what_is_no_file_is_no_project(tmp_path: Path, own: Path) -> None:
    os.mkfifo(tmp_path / "Pulumi.yaml")
    assert foreign_program(tmp_path, own) is None
    assert not is_runctl_project(tmp_path)
