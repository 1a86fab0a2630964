"""Previews of a stranger's proposal: none of its code runs, and its policies are held to the base's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.counting_job import write_job
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

_PROGRAM = "import pathlib, os\npathlib.Path({mark!r}).write_text(os.environ.get('A_TOKEN', ''))\n"


@pytest.fixture
def project(runctl: Runctl) -> Iterator[Runctl]:
    """The project of the sandbox, an ordinary one again afterwards."""
    before = dict(runctl.env)
    runctl.env["A_TOKEN"] = "hunter2"
    yield runctl
    runctl.env.clear()
    runctl.env.update(before)
    for name in ("Pulumi.yaml", "policies.yaml"):
        (runctl.folder / name).unlink(missing_ok=True)


def propose(folder: Path, more: str = "") -> tuple[Path, Path]:
    """Makes the project run a program of its own; its folder, and the file that it leaves when it runs."""
    program, mark = folder / "proposed", folder / "it-ran"
    program.mkdir(exist_ok=True)
    (program / "__main__.py").write_text(_PROGRAM.format(mark=str(mark)))
    (folder / "Pulumi.yaml").write_text(f"name: runctl\nmain: proposed/\nruntime:\n  name: python\n{more}")
    mark.unlink(missing_ok=True)
    return program, mark


@pytest.mark.parametrize("command", ["preview {job}", "up {job} --yes --detach", "down proposal --yes", "ls"])
def test_a_program_of_a_proposal_does_not_run(project: Runctl, command: str) -> None:
    job = write_job(project.folder, "proposal")
    program, mark = propose(project.folder)
    error = project.json(*command.format(job=job).split(), code=7)["error"]
    assert (error["kind"], error["where"]["program"]) == ("untrusted", str(program))
    assert not mark.exists()


@pytest.mark.matrix
def test_a_program_that_the_person_names_runs_and_is_named(project: Runctl) -> None:
    job = write_job(project.folder, "proposal")
    program, mark = propose(project.folder)
    project.env["RUNCTL_ENGINE_TRUSTED_PROGRAMS"] = str(program)
    assert project.json("preview", str(job))["program"] == str(program)
    assert mark.read_text() == "hunter2"
    assert f"program: {program}, not runctl's own" in project("preview", str(job)).err
    (project.folder / "Pulumi.yaml").unlink()
    assert project.json("preview", str(job))["program"] is None


def test_a_plugin_of_a_proposal_does_not_run(project: Runctl) -> None:
    from runctl_auto.local.project import installed_program

    job = write_job(project.folder, "proposal")
    plugin, mark = project.folder / "plugin", project.folder / "plugin-ran"
    plugin.mkdir(exist_ok=True)
    (plugin / "pulumi-resource-aws").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (plugin / "pulumi-resource-aws").chmod(0o755)
    (project.folder / "Pulumi.yaml").write_text(
        f"name: runctl\nmain: {installed_program()}\nruntime:\n  name: python\n"
        "plugins:\n  providers:\n    - name: aws\n      path: plugin\n"
    )
    assert project.json("preview", str(job), code=7)["error"]["kind"] == "untrusted"
    assert not mark.exists()


def test_a_proposal_cannot_loosen_the_policies_of_its_base(project: Runctl, tmp_path: Path) -> None:
    job = write_job(project.folder, "proposal")
    (tmp_path / "policies.yaml").write_text("allowed-regions: {regions: [eu-*]}\n")
    (project.folder / "policies.yaml").write_text("allowed-regions: disabled\n")
    assert project.json("preview", str(job))["changes"]
    error = project.json("preview", str(job), "--policy-base", str(tmp_path), code=4)["error"]
    assert [each["rule"] for each in error["violations"]] == ["allowed-regions"]
    (tmp_path / "policies.yaml").write_text("maximum-sizes: {nodes: 3}\n")
    notes = project.json("preview", str(job), "--policy-base", str(tmp_path))["notes"]
    assert "maximum-sizes: nodes stays 3: the policies' base is stricter" in notes
