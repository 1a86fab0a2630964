"""A program that is not runctl's own runs only when the person's settings name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.engine.project_program import program_in_force
from runctl_auto.errors import UntrustedError
from runctl_auto.local.project import ProjectFolders, installed_program
from runctl_auto.settings.schema import EngineSettings


@pytest.fixture
def folders(tmp_path: Path) -> ProjectFolders:
    (tmp_path / "Pulumi.yaml").write_text("name: runctl\nmain: evil/\nruntime: python\n")
    return ProjectFolders(tmp_path)


def test_runctls_own_runs_where_no_file_says_otherwise(tmp_path: Path) -> None:
    assert program_in_force(EngineSettings(), ProjectFolders(tmp_path)) is None
    (tmp_path / "Pulumi.yaml").write_text(f"name: runctl\nmain: {installed_program()}\nruntime: python\n")
    assert program_in_force(EngineSettings(), ProjectFolders(tmp_path)) is None


def test_another_is_refused_and_named(folders: ProjectFolders) -> None:
    with pytest.raises(UntrustedError, match=f"{folders.root}/evil, which is not runctl's own") as raised:
        program_in_force(EngineSettings(), folders)
    assert raised.value.exit_code == 7
    assert raised.value.where["program"] == str(folders.root / "evil")
    assert f"RUNCTL_ENGINE_TRUSTED_PROGRAMS={folders.root}/evil" in str(raised.value.next_step)


@pytest.mark.parametrize("other", ["", "evil/sub", "evi", "stacks"])
def test_trust_in_another_folder_is_none(folders: ProjectFolders, other: str) -> None:
    with pytest.raises(UntrustedError):
        program_in_force(EngineSettings(trusted_programs=(folders.root / other,)), folders)


def test_one_that_the_person_trusts_runs(folders: ProjectFolders) -> None:
    trusted = EngineSettings(trusted_programs=(Path("/other"), folders.root / "x" / ".." / "evil"))
    assert program_in_force(trusted, folders) == folders.root / "evil"
