"""Which folder is the project, and where Pulumi works in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.local.project import ProjectFolders, find_project, installed_program


@pytest.mark.parametrize("mark", [".runctl.toml", ".runctl", ".git"])
def test_the_nearest_marked_folder_is_the_project(tmp_path: Path, mark: str) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / mark).mkdir()
    assert find_project(inner).root == (tmp_path / "a").resolve()


def test_a_project_of_its_own_pulumi_file_is_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: runctl\nmain: stacks/\nruntime: python\n")
    assert ProjectFolders(tmp_path).workspace() == tmp_path


@pytest.mark.parametrize("content", [None, "name: someone-elses\n", "description: name: runctl\n"])
def test_else_the_workspace_is_private_and_runs_the_installed_program(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "Pulumi.yaml").write_text(content)
    workspace = ProjectFolders(tmp_path).workspace()
    assert workspace == tmp_path / ".runctl" / "pulumi"
    assert f"main: {installed_program()}\n" in (workspace / "Pulumi.yaml").read_text()
    assert (tmp_path / ".runctl").stat().st_mode & 0o777 == 0o700
    assert (installed_program() / "__main__.py").exists()


def test_the_workspace_is_rewritten_only_when_it_differs(tmp_path: Path) -> None:
    file = ProjectFolders(tmp_path).workspace() / "Pulumi.yaml"
    file.write_text("stale")
    ProjectFolders(tmp_path).workspace()
    assert "name: runctl" in file.read_text()
