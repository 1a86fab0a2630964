"""The program: help is cheap and complete, errors end it with their code, stdout holds JSON only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.cli import main as program
from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import (
    LeakedError,
    NoCapacityError,
    PolicyViolationError,
    RunctlError,
    TrainingFailedError,
)

COMMANDS = [
    "up",
    "preview",
    "down",
    "ls",
    "status",
    "logs",
    "outputs",
    "validate",
    "env",
    "sandbox",
    "setup",
    "version",
]
JOB = "name: digits\nregion: us-east-1\nrun: 'true'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith(("RUNCTL_", "PULUMI_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / ".runctl").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([command, "--help"]) == 0
    assert "Usage: runctl" in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {command}" in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_in_a_list_of_commands_is_cut(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    program.run([command, "--help"])
    _, _, listed = capsys.readouterr().out.partition("\nCommands:\n")
    assert [line for line in listed.splitlines() if line.endswith("...")] == []


HEAVY = {
    "asyncio",
    "email",
    "http",
    "logging",
    "multiprocessing",
    "socket",
    "ssl",
    "unittest",
    "xml",
}
"""Modules of the standard library that take longer to import than all that `--help` needs."""


def test_help_imports_nothing_that_takes_long() -> None:
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; before = set(sys.modules); from runctl_auto.cli.main import run; run(['--help']); "
            "print(*(set(sys.modules) - before), file=sys.stderr)",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    packages = {name.partition(".")[0] for name in shown.stderr.split()}
    assert packages - sys.stdlib_module_names == {"click", "runctl_auto"}
    assert packages & HEAVY == set()
    assert not {name for name in shown.stderr.split() if "spans" in name or "tracing" in name}


def test_a_command_that_is_not_traced_imports_nothing_of_traces(tmp_path: Path) -> None:
    run = "import sys; from runctl_auto.cli.main import run; run(['validate', 'job.yaml']); "
    told = "print(*(name for name in sys.modules if 'opentelemetry' in name or 'observe.tracing' in name))"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "RUNCTL_"))}
    shown = subprocess.run(
        [sys.executable, "-c", run + told],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert shown.stdout.strip() == ""


def test_a_command_that_is_traced_writes_its_trace_and_never_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNCTL_TRACE_FILE", "trace.jsonl")
    assert program.run(["validate", "planted-secret.yaml"]) == 7
    text = (tmp_path / "trace.jsonl").read_text()
    assert '"runctl validate"' in text
    assert '"exit code 7"' in text
    assert "planted-secret" not in text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TrainingFailedError("x", training_exit_code=2), 3),
        (PolicyViolationError("x"), 4),
        (LeakedError("x"), 5),
        (NoCapacityError("x"), 6),
        (RunctlError("x"), 1),
    ],
)
def test_an_error_ends_the_program_with_its_code_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    error: RunctlError,
    code: int,
) -> None:
    session = create_autospec(Invocation.session, side_effect=error)
    monkeypatch.setattr(Invocation, "session", session)
    assert program.run(["ls"]) == code
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "error: x\n")
    assert program.run(["--output", "json", "ls"]) == code
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["exit_code"] == code
    assert told.err == ""


def test_an_interruption_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    monkeypatch.setattr(
        Invocation, "session", create_autospec(Invocation.session, side_effect=KeyboardInterrupt)
    )
    assert program.run(["status", "digits"]) == 130


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["up"],
        ["--output", "xml", "ls"],
        ["down", "a", "b"],
        ["up", "x", "--nope"],
        ["down", "x", "--grace", "-1"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_7(
    arguments: list[str], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert program.run(arguments) == 7
    assert "Error" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "told"), [("statu", " Did you mean 'status'?"), ("frobnicate", "")])
def test_a_command_that_is_none_is_told_the_nearest(
    typed: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run([typed]) == 7
    assert capsys.readouterr().err.endswith(f"Error: No such command '{typed}'.{told}\n")


def test_bad_usage_in_json_mode_is_json(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert program.run(["--output", "json", "dance"]) == 7
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "usage"


def test_validate_tells_what_is_valid(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "job.yaml").write_text(JOB + "nodes: 2\nrecovery: cloud\n")
    assert program.run(["validate", "job.yaml"]) == 0
    text = capsys.readouterr().out
    assert "job.yaml is valid: job 'digits' on aws, us-east-1" in text
    assert "nodes: 2 with recovery: cloud is not supported yet" in text
    assert program.run(["--output", "json", "validate", "job.yaml"]) == 0
    assert json.loads(capsys.readouterr().out)["job"]["name"] == "digits"


def test_a_wrong_job_file_ends_with_7_and_all_its_problems(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "job.yaml").write_text("name: digits\nregoin: x\nrun: 'true'\nnodes: none\n")
    assert program.run(["up", "job.yaml", "--yes"]) == 7
    err = capsys.readouterr().err
    assert "job.yaml:2" in err
    assert "'region'" in err
    assert "nodes" in err
    assert program.run(["--output", "json", "validate", "job.yaml"]) == 7
    assert len(json.loads(capsys.readouterr().out)["error"]["problems"]) >= 3


def test_wrong_settings_end_with_7(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_PARALLEL", "many")
    assert program.run(["ls"]) == 7
    assert "RUNCTL_PARALLEL" in capsys.readouterr().err


def test_a_real_cloud_without_pulumi_names_setup(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert program.run(["ls"]) == 1
    assert "runctl setup" in capsys.readouterr().err


def test_version_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["version"]) == 0
    assert capsys.readouterr().out.startswith("runctl ")
    assert program.run(["--output=json", "version"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runctl": version("runctl"), "pulumi": version("pulumi")}


def test_the_state_of_a_sandbox_that_never_was(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert program.run(["sandbox", "status"]) == 0
    assert "sandbox: stopped" in capsys.readouterr().out


@pytest.fixture
def loaded_by_help() -> Callable[[str], Any]:
    def loaded(command: str) -> list[str]:
        code = (
            "import sys, json\nfrom runctl_auto.cli.main import run\n"
            f"run([{command!r}, '--help'])\nprint('\\n' + json.dumps(sorted(sys.modules)))"
        )
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        found: list[str] = json.loads(ran.stdout.splitlines()[-1])
        return found

    return loaded


@pytest.mark.parametrize("command", ["up", "logs", "sandbox"])
def test_help_of_a_command_loads_nothing_heavy(
    command: str, loaded_by_help: Callable[[str], list[str]]
) -> None:
    heavy = {"pulumi", "boto3", "botocore", "grpc", "pydantic", "rich", "moto", "tenacity"}
    assert heavy & set(loaded_by_help(command)) == set()
