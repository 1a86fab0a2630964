"""Without the extras the commands say how to install them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runctl_auto.cli import main as program
from runctl_auto.pages import extras


@pytest.mark.parametrize(("command", "module"), [("top", "textual"), ("dashboard", "starlette")])
def test_a_command_without_its_extra(
    command: str,
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known: Callable[[str], object] = importlib.util.find_spec

    def missing(names: Sequence[str]) -> dict[str, str]:
        wanted = [name for name in names if name == module or known(name) is None]
        return {"missing": ", ".join(wanted)} if wanted else {}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extras, "missing_modules", missing)
    assert program.run([command]) == 7
    told = capsys.readouterr().err
    assert f"missing {module}" in told
    assert f"pip install 'runctl[{command}]'" in told


def test_top_needs_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert program.run(["top"]) != 0
    assert "needs a terminal" in capsys.readouterr().err
