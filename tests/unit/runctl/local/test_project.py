"""Which folder is the project, whose it is, and where Pulumi works in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_auto.errors import UntrustedError
from runctl_auto.local import project
from runctl_auto.local.project import (
    ProjectFolders,
    find_project,
    installed_program,
    leads_out,
    left_by_link,
    project_around,
)

MARKS = pytest.mark.parametrize("mark", [".runctl.toml", ".runctl", ".git"])


def somebody_elses(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Makes these paths belong to another user, for what looks at owners."""
    real = project.fault_of_owner
    theirs = [path.lstat() for path in paths]

    def fault(status: os.stat_result) -> str | None:
        is_theirs = any(os.path.samestat(status, each) for each in theirs)
        return "belongs to the user bob" if is_theirs else real(status)

    monkeypatch.setattr(project, "fault_of_owner", fault)


@MARKS
def test_the_nearest_marked_folder_is_the_project(tmp_path: Path, mark: str) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / mark).mkdir()
    assert find_project(inner).root == (tmp_path / "a").resolve()


@MARKS
def test_a_mark_of_somebody_else_is_no_project_of_the_caller(
    tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / mark).mkdir()
    somebody_elses(monkeypatch, tmp_path / "a" / mark)
    with pytest.raises(UntrustedError, match=f"{mark} belongs to the user bob") as raised:
        find_project(inner)
    assert f"RUNCTL_TRUSTED_FOLDERS={tmp_path / 'a'}" in str(raised.value.next_step)
    named = {"RUNCTL_TRUSTED_FOLDERS": f"/elsewhere:{tmp_path / 'a'}"}
    assert find_project(inner, named).root == tmp_path / "a"


def test_a_folder_of_somebody_else_is_no_project_with_marks_or_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    somebody_elses(monkeypatch, folder)
    with pytest.raises(UntrustedError, match="theirs belongs to the user bob"):
        find_project(folder)
    (folder / ".git").mkdir()
    with pytest.raises(UntrustedError, match="theirs belongs to the user bob"):
        find_project(folder)


@pytest.mark.parametrize("marked", [True, False])
def test_a_folder_where_every_user_may_write_is_no_project(tmp_path: Path, marked: bool) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o1777)
    if marked:
        (folder / ".runctl.toml").write_text("")
    with pytest.raises(UntrustedError, match="open is writable by every user"):
        find_project(folder)


def test_marks_that_anyone_could_leave_above_are_passed_over(tmp_path: Path) -> None:
    inner = tmp_path / "open" / "mine" / "sub"
    inner.mkdir(parents=True)
    (tmp_path / "open").chmod(0o1777)
    for mark in (".git", ".runctl", ".runctl.toml"):
        (tmp_path / "open" / mark).write_text("")
    assert find_project(inner).root == inner
    (tmp_path / ".git").mkdir()
    assert project_around(inner) == tmp_path


def test_a_file_marks_a_project_only_as_long_as_others_cannot_write_it(tmp_path: Path) -> None:
    (tmp_path / ".runctl.toml").write_text("")
    (tmp_path / ".runctl.toml").chmod(0o666)
    with pytest.raises(UntrustedError, match=r"\.runctl\.toml is writable by every user"):
        find_project(tmp_path)


def test_paths_that_lead_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "near").symlink_to("file")
    (inside / "loop").symlink_to("loop")
    assert not leads_out(inside, inside / "file")
    assert not leads_out(inside, inside / "near")
    for path in (inside / "link", inside / "link" / "x", inside / ".." / "out", outside, inside / "loop"):
        assert leads_out(inside, path), path


def test_links_of_a_project_that_lead_out_of_it_are_told(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    (project / ".git").mkdir(parents=True)
    (project / "inside").mkdir()
    outside.mkdir()
    (project / "jobs").symlink_to(outside)
    (project / "near").symlink_to("inside")
    (project / "job.yaml").symlink_to(outside / "secret")
    (tmp_path / "shortcut").symlink_to(project)
    assert left_by_link(project / "jobs" / "a.yaml") == project
    assert left_by_link(project / "job.yaml") == project
    assert left_by_link(tmp_path / "shortcut" / "job.yaml") == project
    for fine in (
        project / "near" / "a.yaml",
        tmp_path / "shortcut" / "inside" / "a.yaml",
        outside / "secret",
    ):
        assert left_by_link(fine) is None, fine
    (tmp_path / ".runctl.toml").write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "far").symlink_to("/usr")
    assert left_by_link(tmp_path / "data" / "far" / "a.yaml") == tmp_path
    assert left_by_link(tmp_path / "data" / "far" / "a.yaml", {"HOME": str(tmp_path)}) is None


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
    written = file.stat().st_mtime_ns
    ProjectFolders(tmp_path).workspace()
    assert file.stat().st_mtime_ns == written


def test_a_link_in_the_workspace_is_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    folder = ProjectFolders(tmp_path).make_private("pulumi")
    (folder / "Pulumi.yaml").symlink_to(precious)
    with pytest.raises(UntrustedError, match="is a link"):
        ProjectFolders(tmp_path).workspace()
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("name", ["Pulumi.json", "Pulumi.yml"])
def test_no_other_project_file_lies_in_the_workspace(tmp_path: Path, name: str) -> None:
    folder = ProjectFolders(tmp_path).make_private("pulumi")
    (folder / name).write_text("name: runctl\nmain: evil\n")
    with pytest.raises(UntrustedError, match=r"would take .* for the project"):
        ProjectFolders(tmp_path).workspace()
