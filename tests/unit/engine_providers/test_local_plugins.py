"""Providers that a project brings along."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.providers.local_plugins import local_command
from sandbox.engine.deploy.request import OperationKind, OperationRequest, Program

REQUEST = OperationRequest(OperationKind.UPDATE, "p", "s", Program(Path("/nowhere")))


def _describe(folder: Path, text: str) -> Path:
    (folder / "PulumiPlugin.yaml").write_text(text)
    return folder


def test_a_python_program_runs_with_the_engine_s_python(tmp_path: Path) -> None:
    folder = _describe(tmp_path, "runtime: python\n")
    assert local_command("box", folder, REQUEST) == [sys.executable, "-u", str(folder)]


@pytest.mark.parametrize(
    ("text", "name"),
    [("runtime: python\n", "venv"), ("runtime: {name: python, options: {virtualenv: own}}\n", "own")],
)
def test_its_own_environment_wins(tmp_path: Path, text: str, name: str) -> None:
    for each in ("venv", "own"):
        (tmp_path / each / "bin").mkdir(parents=True)
        (tmp_path / each / "bin/python").touch()
    assert local_command("box", _describe(tmp_path, text), REQUEST)[0] == str(tmp_path / name / "bin/python")


def test_an_executable_is_started_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "pulumi-resource-box").touch()
    assert local_command("box", tmp_path, REQUEST) == [str(tmp_path / "pulumi-resource-box")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runtime: go\n", "plugins with runtime 'go' are not supported"),
        ("name: x\n", "the plugin's description .* cannot be used"),
        ("[\n", "the plugin's description .* cannot be used"),
        ("runtime: {name: python, options: {toolchain: uv}}\n", "unsupported toolchain"),
    ],
)
def test_what_cannot_be_started_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        local_command("box", _describe(tmp_path, text), REQUEST)


def test_a_folder_without_a_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="cannot be used"):
        local_command("box", tmp_path, REQUEST)
