"""`runctl init`: a job file that is valid at once, and never one that was there before."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.output_schemas import check_output

from runctl_auto.cli.main import run
from runctl_auto.errors import JobFileError
from runctl_auto.job_file.first_job import FirstJob, job_text, suggested_command, suggested_name
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.schema import job_schema


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "My Net"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return folder


def answer(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))


def test_defaults_give_a_valid_job_and_the_schema_it_names(folder: Path) -> None:
    assert run(["init", "--yes"]) == 0
    job = load_job_file(folder / "job.yaml").spec
    assert (job.name, job.region, job.spot_policy, job.max_duration) == ("my-net", "us-east-1", "auto", 3600)
    first_line = (folder / "job.yaml").read_text().splitlines()[0]
    assert first_line == "# yaml-language-server: $schema=.runctl/job.schema.json"
    assert json.loads((folder / ".runctl/job.schema.json").read_text()) == job_schema()
    assert sorted(each.name for each in folder.iterdir()) == [".runctl", "job.yaml"]
    assert (folder / ".runctl").stat().st_mode & 0o777 == 0o700


def test_options_are_taken_as_they_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "jobs").mkdir()
    (folder / ".git").mkdir()
    options = ["--name", "digits", "--run", "python x.py: # {a}", "--region", "eu-west-1"]
    assert run(["--output", "json", "init", "jobs/a.yaml", *options, "--spot-policy", "on-demand"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["job"]["run"]) == ("jobs/a.yaml", "python x.py: # {a}")
    job = load_job_file(folder / "jobs/a.yaml").spec
    assert (job.name, job.region, job.spot_policy) == ("digits", "eu-west-1", "on-demand")
    assert "$schema=../.runctl/job.schema.json" in (folder / "jobs/a.yaml").read_text()


def test_on_a_terminal_it_asks_three_things(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "digits", "python3 train.py", "n")
    assert run(["init"]) == 0
    job = load_job_file(folder / "job.yaml").spec
    assert (job.name, job.run, job.spot_policy) == ("digits", "python3 train.py", "on-demand")
    asked = capsys.readouterr().err
    assert "Name of the job [my-net]" in asked
    assert "Command that trains [" in asked
    assert "Spot machines" in asked


def test_a_file_that_is_there_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "job.yaml"
    file.write_text("mine")
    assert run(["init", "--yes"]) == 7
    answer(monkeypatch, "n")
    assert run(["init"]) == 7
    assert file.read_text() == "mine"
    file.unlink()
    file.symlink_to("elsewhere.yaml")
    assert run(["init", "--yes"]) == 7
    assert not (folder / "elsewhere.yaml").exists()
    assert not (folder / ".runctl").exists()


def test_a_link_out_of_the_project_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (folder / "job.yaml").symlink_to(precious)
    assert run(["init", "--yes", "--force"]) == 7
    (folder / "job.yaml").unlink()
    (folder / ".runctl").mkdir(mode=0o700)
    (folder / ".runctl" / "job.schema.json").symlink_to(precious)
    assert run(["init", "--yes", "--force"]) == 7
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("way", ["--force", "asked"])
def test_it_is_overwritten_when_the_person_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (folder / "job.yaml").write_text("mine")
    if way == "asked":
        answer(monkeypatch, "y", "", "", "")
    assert run(["init", *(["--yes", "--force"] if way == "--force" else [])]) == 0
    assert load_job_file(folder / "job.yaml").spec.name == "my-net"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "There is no terminal to ask on"),
        (["nowhere/job.yaml", "--yes"], "There is no folder nowhere"),
        (["--yes", "--name", "Bad Name"], "name: is not a job name; found Bad Name"),
        (["--yes", "--region", "x"], "region: is not a region; found x"),
        (["--yes", "--run", "  "], "run: is empty"),
        (["--yes", "--run", "a\0b"], "run: holds a character that no text may hold"),
        (["--yes", "--spot-policy", "often"], "'often' is not one of"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_is_told_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["init", *arguments]) == 7
    assert said in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".git").mkdir()
    (folder / "closed").mkdir(mode=0o500)
    assert run(["init", "closed/job.yaml", "--yes"]) == 7
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "run_line", "needs_setup"),
    [
        ([], "echo", False),
        (["main.py"], "python3 main.py", False),
        (["main.py", "train.py", "requirements.txt"], ".venv/bin/python train.py", True),
        (["train.py", "pyproject.toml"], ".venv/bin/python train.py", True),
        (["notes.txt", "requirements.txt"], "echo", False),
    ],
)
def test_the_command_follows_from_the_folder(
    tmp_path: Path, files: list[str], run_line: str, needs_setup: bool
) -> None:
    for name in files:
        (tmp_path / name).touch()
    command, setup = suggested_command(tmp_path)
    assert command.startswith(run_line)
    assert (setup is not None) is needs_setup


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("My Net", "my-net"),
        ("2024_runs", "runs"),
        ("x", "first-job"),
        ("äöü", "first-job"),
        ("a" * 60, "a" * 40),
    ],
)
def test_the_name_follows_from_the_folder(folder: str, name: str) -> None:
    assert suggested_name(Path("/somewhere") / folder) == name


@settings(max_examples=25, deadline=None)
@given(
    command=st.text(st.sampled_from("ab 0:#'\"\n\t\\-&*!|\x85\u2028\x7f\x1b😀é{[%@"), min_size=1, max_size=12)
)
def test_every_command_is_read_back_as_it_was_given_or_refused(
    command: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "first.yaml"
    job = FirstJob("digits", command, None, "us-east-1", "auto")
    file.write_text(job_text(job, "x.json"), encoding="utf-8", errors="replace")
    found: str | None = None
    with contextlib.suppress(JobFileError):
        found = load_job_file(file).spec.run
    if command.strip():
        assert found is not None
    assert found is None or found.rstrip("\n") == command.rstrip("\n")


TASK = """\
name: Big
resources: {accelerators: 'L4:1', ports: 80}
envs: {HF_TOKEN: hunter2, N: 010}
run: python x.py
"""


def test_a_task_of_another_tool_is_converted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "task.yaml").write_text(TASK)
    arguments = ["--output", "json", "init", "--from", "task.yaml", "--region", "eu-west-1"]
    assert run(arguments) == 0
    out = capsys.readouterr().out
    check_output(arguments, out)
    told = json.loads(out)
    assert [each["field"] for each in told["not_taken_over"]] == ["envs.HF_TOKEN", "resources.ports", "name"]
    job = load_job_file(folder / "job.yaml").spec
    assert (job.name, job.region, str(job.resources.gpu), dict(job.env)) == (
        "big",
        "eu-west-1",
        "L4",
        {"N": "010"},
    )
    assert "hunter2" not in (folder / "job.yaml").read_text() + out
    assert json.loads((folder / ".runctl/job.schema.json").read_text()) == job_schema()


def test_what_was_not_taken_over_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "task.yaml").write_text(TASK)
    assert run(["init", "--from", "task.yaml", "--name", "mine"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Wrote job.yaml: job 'mine', from task.yaml, a task of SkyPilot\n")
    assert "  line 2, resources.ports: a machine of runctl opens no ports" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "task.yaml", "--run", "x"], "--run and --from exclude each other"),
        (["--from", "absent.yaml"], "No such file"),
        (["--from", "service.yaml"], "describes a service, not a task"),
        (["--from", "task.yaml", "there.yaml"], "there.yaml exists, and nothing was written"),
        (["--from", "task.yaml", "--name", "Not A Name"], "is not a job name"),
    ],
)
def test_a_conversion_that_cannot_be_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (folder / "task.yaml").write_text(TASK)
    (folder / "service.yaml").write_text("type: service\ncommands: [x]\n")
    (folder / "there.yaml").write_text("mine")
    before = sorted(each.name for each in folder.iterdir())
    assert run(["init", *arguments]) == 7
    assert said in capsys.readouterr().err
    assert sorted(each.name for each in folder.iterdir()) == before
    assert (folder / "there.yaml").read_text() == "mine"
