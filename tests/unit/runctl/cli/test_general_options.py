"""The general options stand before a command or after it; shells complete names of jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runctl_auto.cli import job_names
from runctl_auto.cli import main as program
from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import RunctlError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("RUNCTL_SANDBOX", "RUNCTL_BACKEND", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".runctl").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--output", "json", "version"],
        ["version", "--output", "json"],
        ["version", "--output=json"],
        ["--output", "text", "version", "--output", "json"],
    ],
    ids=" ".join,
)
def test_json_is_asked_for_on_either_side(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(arguments) == 0
    assert "runctl" in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [["--sandbox", "ls"], ["ls", "--sandbox"]], ids=" ".join)
def test_the_sandbox_is_asked_for_on_either_side(
    arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def session(invocation: Invocation, **_: bool) -> None:
        seen.append(invocation.settings().sandbox)
        raise RunctlError("enough")

    monkeypatch.setattr(Invocation, "session", session)
    assert program.run(arguments) == 1
    assert seen == [True]


def test_help_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    program.run(["sandbox", "stop", "--help"])
    assert "may stand before the command or after" in " ".join(capsys.readouterr().out.split())


def complete(words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    *before, last = f"runctl {words}".split(" ")
    monkeypatch.setenv("_RUNCTL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join([*before, last]))
    monkeypatch.setenv("COMP_CWORD", str(len(before)))
    with pytest.raises(SystemExit):
        program.run([])
    return [line.partition(",")[2] for line in capsys.readouterr().out.splitlines() if line]


def add_stack(state: Path, name: str) -> None:
    stacks = state / ".pulumi" / "stacks" / "runctl"
    stacks.mkdir(parents=True, exist_ok=True)
    (stacks / f"{name}.json").write_text("{}")


def test_jobs_of_the_backend_are_offered(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("digits", "dogs", "eyes"):
        add_stack(folder / ".runctl" / "state", name)
    assert complete("status d", capsys, monkeypatch) == ["digits", "dogs"]
    assert complete("down ", capsys, monkeypatch) == ["digits", "dogs", "eyes"]
    assert complete("ls ", capsys, monkeypatch) == []


def test_in_the_sandbox_its_own_jobs_are_offered(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_stack(folder / ".runctl" / "state", "real")
    add_stack(folder / "cloud", "tried")
    monkeypatch.setattr(job_names, "_sandbox_backend", lambda folders: (folder / "cloud").as_uri())
    assert complete("--sandbox logs -f ", capsys, monkeypatch) == ["tried"]
    monkeypatch.setenv("RUNCTL_SANDBOX", "1")
    assert complete("logs ", capsys, monkeypatch) == ["tried"]


def test_of_a_backend_elsewhere_the_jobs_set_up_from_here_are_offered(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_BACKEND", "s3://states")
    (folder / "Pulumi.yaml").write_text("name: runctl\nruntime: python\n")
    (folder / "Pulumi.digits.yaml").write_text("config: {}\n")
    assert complete("status ", capsys, monkeypatch) == ["digits"]


def test_completion_is_silent_where_settings_are_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_PARALLEL", "many")
    assert complete("status ", capsys, monkeypatch) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["completion", shell]) == 0
    assert f"_RUNCTL_COMPLETE={shell}_complete" in capsys.readouterr().out
