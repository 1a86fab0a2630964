from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.engine.language.errors import RuntimeOptionsError
from runctl_auto.engine.language.interpreters import activated, interpreter, virtual_environment


def _python(folder: Path, name: str = "python") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_the_virtual_environment_of_the_project_comes_first(tmp_path: Path) -> None:
    python = _python(tmp_path / "env" / "bin")
    other = _python(tmp_path / "other")
    environment = {"PULUMI_PYTHON_CMD": str(other), "VIRTUAL_ENV": str(tmp_path / "active")}
    assert interpreter(tmp_path, {"virtualenv": "env"}, environment) == str(python)


def test_then_the_command_that_pulumi_names(tmp_path: Path) -> None:
    named = _python(tmp_path / "tools", "python9")
    _python(tmp_path / "active" / "bin")
    environment = {"PULUMI_PYTHON_CMD": "python9", "VIRTUAL_ENV": str(tmp_path / "active")}
    assert interpreter(tmp_path, {}, {**environment, "PATH": str(named.parent)}) == str(named)


def test_then_the_active_virtual_environment(tmp_path: Path) -> None:
    active = _python(tmp_path / "active" / "bin")
    _python(tmp_path / "tools", "python3")
    environment = {"VIRTUAL_ENV": str(tmp_path / "active"), "PATH": str(tmp_path / "tools")}
    assert interpreter(tmp_path, {}, environment) == str(active)


def test_then_python3_on_the_path(tmp_path: Path) -> None:
    found = _python(tmp_path / "tools", "python3")
    environment = {"VIRTUAL_ENV": str(tmp_path / "gone"), "PATH": str(tmp_path / "tools")}
    assert interpreter(tmp_path, {}, environment) == str(found)


def test_a_missing_virtual_environment_is_an_error_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeOptionsError, match="does not exist") as error:
        interpreter(tmp_path, {"virtualenv": "env"}, {})
    assert f"python3 -m venv {tmp_path / 'env'}" in str(error.value.next_step)


def test_uv_has_its_usual_virtual_environment(tmp_path: Path) -> None:
    assert virtual_environment(tmp_path, {"toolchain": "uv"}) == tmp_path / ".venv"
    assert virtual_environment(tmp_path, {"toolchain": "uv", "virtualenv": "own"}) == tmp_path / "own"
    assert virtual_environment(tmp_path, {"toolchain": "pip"}) is None


@pytest.mark.parametrize("options", [{"toolchain": "poetry"}, {"typechecker": "mypy"}, {"colour": "red"}])
def test_options_that_are_not_supported_are_errors_that_name_them(
    tmp_path: Path, options: dict[str, str]
) -> None:
    (name, value), *_ = options.items()
    with pytest.raises(RuntimeOptionsError, match=f"{value}|{name}"):
        virtual_environment(tmp_path, options)


def test_activation_sets_what_the_activation_script_sets(tmp_path: Path) -> None:
    before = {"PATH": "/usr/bin", "PYTHONHOME": "/elsewhere", "A": "1"}
    assert activated(before, tmp_path) == {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin",
        "VIRTUAL_ENV": str(tmp_path),
        "A": "1",
    }
    assert activated(before, None) == before
