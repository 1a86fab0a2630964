from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runctl_auto.agent import command
from runctl_auto.agent.machine import this_machine
from runctl_auto.agent.reach.reach_contract import CANNOT_SERVE, PS, REACH
from runctl_auto.agent.start.bundle import build_bundle
from runctl_auto.agent.start.units import END_GROUP

MODULES = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from runctl_auto.agent.command import main
code = main()
print(code, *(name for name in sys.modules if name.startswith("runctl_auto.agent.")))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "agent.pyz"
    path.write_bytes(build_bundle())
    return path


@pytest.mark.parametrize(
    ("words", "code", "modules"),
    [(("install",), 1, 25), (("configure",), 1, 25), ((END_GROUP,), 1, 30), ((REACH, PS), CANNOT_SERVE, 75)],
    ids=str,
)
def test_a_verb_compiles_what_it_needs_alone(
    bundle: Path, tmp_path: Path, words: tuple[str, ...], code: int, modules: int
) -> None:
    """On a machine without a configuration, where none of them can do anything."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MODULES, str(bundle), *words],
        env={"RUNCTL_ROOT": str(tmp_path)},
        input="no configuration",
        capture_output=True,
        text=True,
        check=True,
    )
    told, *imported = done.stdout.split()
    assert int(told) == code
    assert done.stderr.startswith("runctl: ")
    assert len(imported) <= modules, imported
    assert "runctl_auto.agent.run" not in imported
    assert list(tmp_path.rglob("*")) == []


def test_an_agent_that_cannot_be_loaded_ends_its_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[object] = []
    monkeypatch.setitem(sys.modules, "runctl_auto.agent.main", None)
    monkeypatch.setattr(this_machine, "group_of_this_machine", lambda say: None)
    monkeypatch.setattr(this_machine, "end_machine", ended.append)
    assert command.main([]) == 1
    assert len(ended) == 1
    assert "ModuleNotFoundError" in capsys.readouterr().err


def test_nothing_is_installed_on_a_python_that_is_too_old(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 10))
    assert command.main(["install"]) == 1
    assert "older than 3.9" in capsys.readouterr().err
