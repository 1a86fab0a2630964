"""Versions of engines are remembered as long as the executable is the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from runctl_auto.engine.engine_version import RememberedVersions, versions_file


class Questions:
    """Answers with the next of ``answers`` each time."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)

    def __call__(self, _executable: Path, _environ: Mapping[str, str]) -> str | None:
        return self.answers.pop(0)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "pulumi"
    path.parent.mkdir()
    path.write_bytes(b"\x7fELF engine")
    return path


@pytest.mark.parametrize("version", ["v3.274.1", ""])
def test_the_second_answer_is_remembered(environ: dict[str, str], engine: Path, version: str) -> None:
    assert RememberedVersions(environ, Questions(version)).version(engine) == version
    assert RememberedVersions(environ, Questions()).version(engine) == version


def test_a_replaced_executable_is_asked_again(environ: dict[str, str], engine: Path) -> None:
    assert RememberedVersions(environ, Questions("v3.274.1")).version(engine) == "v3.274.1"
    os.utime(engine, ns=(1, 1))
    assert RememberedVersions(environ, Questions("v3.275.0")).version(engine) == "v3.275.0"


def test_an_executable_that_fails_is_asked_again(environ: dict[str, str], engine: Path) -> None:
    assert RememberedVersions(environ, Questions(None)).version(engine) is None
    assert RememberedVersions(environ, Questions("v3.274.1")).version(engine) == "v3.274.1"


def test_a_script_is_asked_every_time(environ: dict[str, str], engine: Path) -> None:
    engine.write_bytes(b"#!/bin/sh\n")
    versions = RememberedVersions(environ, Questions("v3.274.1", "v3.275.0"))
    assert [versions.version(engine), versions.version(engine)] == ["v3.274.1", "v3.275.0"]


def test_a_launcher_of_another_name_is_asked_every_time(
    environ: dict[str, str], engine: Path, tmp_path: Path
) -> None:
    engine.rename(tmp_path / "launcher")
    engine.symlink_to(tmp_path / "launcher")
    versions = RememberedVersions(environ, Questions("v3.274.1", "v3.275.0"))
    assert [versions.version(engine), versions.version(engine)] == ["v3.274.1", "v3.275.0"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}'])
def test_a_damaged_file_is_replaced(environ: dict[str, str], engine: Path, text: str) -> None:
    file = versions_file(environ)
    file.parent.mkdir(parents=True)
    file.write_text(text.replace("x", str(engine)), encoding="utf-8")
    assert RememberedVersions(environ, Questions("v3.274.1")).version(engine) == "v3.274.1"
    assert RememberedVersions(environ, Questions()).version(engine) == "v3.274.1"


def test_a_file_that_cannot_be_written_is_no_error(
    environ: dict[str, str], engine: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file, not a folder", encoding="utf-8")
    assert RememberedVersions(environ, Questions("v3.274.1")).version(engine) == "v3.274.1"


def test_only_the_newest_entries_are_kept(environ: dict[str, str], tmp_path: Path) -> None:
    for number in range(30):
        path = tmp_path / str(number) / "pulumi"
        path.parent.mkdir()
        path.write_bytes(b"\x7fELF")
        RememberedVersions(environ, Questions("v3.274.1")).version(path)
    assert RememberedVersions(environ, Questions()).version(path) == "v3.274.1"
    assert versions_file(environ).read_text(encoding="utf-8").count('"version"') == 20
