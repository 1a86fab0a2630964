from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runctl_auto.engine.language import beside_engine
from runctl_auto.engine.language.beside_engine import (
    DYNAMIC_PROVIDER,
    LANGUAGE_PLUGIN,
    dynamic_launcher,
    install_beside,
    is_ours,
    language_launcher,
)
from runctl_auto.engine.language.errors import LanguageHostError


def test_installs_launchers_and_a_copy_of_the_host(tmp_path: Path) -> None:
    written = install_beside(tmp_path)
    assert {each.name for each in written} == {LANGUAGE_PLUGIN, DYNAMIC_PROVIDER}
    assert all(os.access(each, os.X_OK) and is_ours(each) for each in written)
    (copy,) = (each for each in tmp_path.iterdir() if each.is_dir())
    original = Path(beside_engine.__file__).parent
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == {
        file.name: file.read_bytes() for file in original.glob("*.py")
    }
    assert copy.name in (tmp_path / LANGUAGE_PLUGIN).read_text()


def test_leaves_what_is_as_it_should_be(tmp_path: Path) -> None:
    install_beside(tmp_path)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    assert install_beside(tmp_path) == []
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


def test_renews_a_launcher_of_its_own(tmp_path: Path) -> None:
    install_beside(tmp_path, python="/old/python")
    assert {each.name for each in install_beside(tmp_path, python="/new/python")} == {
        LANGUAGE_PLUGIN,
        DYNAMIC_PROVIDER,
    }
    assert "/new/python" in (tmp_path / LANGUAGE_PLUGIN).read_text()


def test_leaves_a_foreign_host_alone(tmp_path: Path) -> None:
    foreign = tmp_path / LANGUAGE_PLUGIN
    foreign.write_bytes(b"\x7fELF\xff of Pulumi")
    (tmp_path / DYNAMIC_PROVIDER).symlink_to("elsewhere")
    assert install_beside(tmp_path) == []
    assert foreign.read_bytes() == b"\x7fELF\xff of Pulumi"
    assert {each.name for each in tmp_path.iterdir()} == {LANGUAGE_PLUGIN, DYNAMIC_PROVIDER}
    assert not is_ours(foreign)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LanguageHostError, match="missing"):
        install_beside(tmp_path / "missing")


@pytest.mark.parametrize("text", [language_launcher("folder", "/a 'quoted' python"), dynamic_launcher("/p")])
def test_launchers_are_shell_scripts(tmp_path: Path, text: str) -> None:
    script = tmp_path / "script"
    script.write_text(text)
    subprocess.run(["/bin/sh", "-n", str(script)], check=True)
    assert text.startswith("#!/bin/sh\n")
