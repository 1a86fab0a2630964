"""Every verb about one job works for a job of this machine, or is refused by name with the reason."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from runctl_auto.cli.main import cli
from runctl_auto.errors import NameTakenError, NotSupportedError
from runctl_auto.jobs.local.names import here_of, refuse_name_of_here, refuse_name_of_stack
from runctl_auto.jobs.local.record import LocalJobs
from runctl_auto.jobs.local.refused import REFUSED, refuse_by_name
from runctl_auto.local.project import ProjectFolders

WORK = {
    "checkpoint ls", "checkpoint prune", "checkpoint pull", "checkpoint rm", "checkpoint use",
    "checkpoint verify", "compare", "cost", "describe", "down", "exec", "export mlflow", "export wandb",
    "logs", "metrics", "outputs", "plot", "ps", "resume", "shell", "status", "stop", "wait",
}  # fmt: skip
ABOUT_JOBS = {"job", "jobs", "runs", "what"}
OTHERS = {"sandbox fail": "the sandbox", "sandbox interrupt": "the sandbox"}
"""Verbs about something else, although an argument has such a name."""


def commands(group: click.Group, path: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        full = f"{path} {name}".strip()
        if isinstance(command, click.Group):
            found.update(commands(command, full))
        else:
            found[full] = command
    return found


def test_every_verb_about_a_job_is_decided() -> None:
    about = {
        path
        for path, command in commands(cli).items()
        if any(isinstance(each, click.Argument) and each.name in ABOUT_JOBS for each in command.params)
    } - OTHERS.keys()
    assert about == WORK | REFUSED.keys()
    assert not WORK & REFUSED.keys()


@pytest.mark.parametrize("command", REFUSED)
def test_a_refusal_names_verb_reason_and_way_out(command: str) -> None:
    with pytest.raises(NotSupportedError) as raised:
        refuse_by_name(command, "digits")
    assert f"`runctl {command}`" in raised.value.what
    assert raised.value.next_step
    refuse_by_name("status", "digits")


def test_one_name_is_one_job(tmp_path: Path) -> None:
    folders = ProjectFolders(tmp_path)
    refuse_name_of_stack(folders, "digits")
    refuse_name_of_here(folders, "digits")
    LocalJobs(folders).make_folder("digits")
    with pytest.raises(NameTakenError):
        refuse_name_of_here(folders, "digits")
    (tmp_path / "Pulumi.digits.yaml").touch()
    with pytest.raises(NameTakenError):
        refuse_name_of_stack(folders, "digits")


def test_jobs_of_both_kinds_are_not_looked_at_together(tmp_path: Path) -> None:
    folders = ProjectFolders(tmp_path)
    LocalJobs(folders).make_folder("here")
    assert here_of(folders, ["here"])
    assert not here_of(folders, ["there"])
    assert not here_of(folders, [])
    with pytest.raises(NotSupportedError, match="are not looked at together"):
        here_of(folders, ["here", "there"])
