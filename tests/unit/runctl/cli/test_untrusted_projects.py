"""No command acts for a project that is somebody else's, or that brought what runctl alone may make."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.git_indexes import write_index

from runctl_auto.cli import main as program

JOB = "name: digits\nregion: us-east-1\nrun: 'true'\n"
COMMANDS = pytest.mark.parametrize(
    "command",
    ["up job.yaml --yes", "preview job.yaml", "down digits --yes", "ls", "status digits", "leaks", "reap"],
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [each for each in os.environ if each.startswith(("RUNCTL_", "PULUMI_", "AWS_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "project"
    (tmp_path / "home").mkdir()
    (folder / ".git").mkdir(parents=True)
    (folder / "job.yaml").write_text(JOB)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(folder)
    return folder


def refusal(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Kind and sentence of the error that a command ends with."""
    assert program.run(["--output", "json", *command.split()]) == 7
    error = json.loads(capsys.readouterr().out)["error"]
    return error["kind"], error["what"]


@COMMANDS
def test_another_program_stops_every_command(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (project / "Pulumi.yaml").write_text("name: runctl\nmain: evil/\nruntime: python\n")
    kind, what = refusal(command, capsys)
    assert kind == "untrusted"
    assert f"{project}/evil, which is not runctl's own program" in what
    assert not (project / ".runctl").exists()


@COMMANDS
def test_a_committed_private_folder_stops_every_command(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (project / ".runctl").mkdir(mode=0o700)
    (project / ".runctl" / "passphrase").write_text("planted")
    write_index(project, [".runctl/passphrase", "job.yaml"])
    kind, what = refusal(command, capsys)
    assert (kind, what) == (
        "untrusted",
        f"Git tracks {project}/.runctl, which holds keys and states of this machine alone.",
    )


@COMMANDS
def test_settings_that_redirect_stop_every_command(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (project / ".runctl.toml").write_text('[aws]\nendpoint_url = "https://evil.example"\n')
    assert refusal(command, capsys)[0] == "settings"
    assert not (project / ".runctl").exists()


@pytest.mark.parametrize("place", ["claims", "state", "policies.json", "sandbox/lock", "passphrase"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_planted_links_and_pipes_stop_a_command_and_nothing_outside_changes(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str, kind: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    planted = project / ".runctl" / place
    planted.parent.mkdir(parents=True, mode=0o700)
    if kind == "link":
        planted.symlink_to(precious)
    else:
        os.mkfifo(planted)
    for command in ("up job.yaml --yes", "down digits --yes", "init other.yaml --yes", "sandbox start"):
        assert refusal(command, capsys)[0] == "untrusted"
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("mark", [".git", ".runctl.toml", ".runctl", "."])
def test_a_project_of_another_user_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    (project / ".runctl.toml").write_text("")
    (project / ".runctl").mkdir(mode=0o700)
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    (project / "sub" / "job.yaml").write_text(JOB)
    if os.geteuid() == 0:
        os.chown(project / mark, 65534, 65534)
    else:  # nobody but root gives files away: somebody else looks at them
        caller = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: caller + 1)
    kind, what = refusal("preview job.yaml", capsys)
    assert kind == "untrusted"
    assert what.startswith(f"The project {project} is not used: ")
    assert " belongs to the user " in what
    monkeypatch.setenv("RUNCTL_TRUSTED_FOLDERS", str(project))
    (project / ".runctl.toml").write_text("nonsense = 1\n")
    is_private_folder_theirs = mark == ".runctl" or os.geteuid() != 0
    told = refusal("preview job.yaml", capsys)[0]
    assert told == ("untrusted" if is_private_folder_theirs else "settings")


def test_a_project_in_a_folder_of_everybody_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project.chmod(0o777)
    assert refusal("preview job.yaml", capsys) == (
        "untrusted",
        f"The project {project} is not used: {project} is writable by every user. "
        "Its settings and program would act for you.",
    )


def test_links_out_of_the_project_are_not_read_for_it(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    secret = tmp_path / "home" / "secret.yaml"
    secret.write_text("token: hunter2\n")
    (tmp_path / "home" / "folder").mkdir()
    for name in ("policies.yaml", "runs", ".runctl.toml", "linked.yaml"):
        (project / name).symlink_to(tmp_path / "home" / "folder" if name == "runs" else secret)
        command = "preview linked.yaml" if name == "linked.yaml" else "preview job.yaml"
        assert program.run(command.split()) == 7
        told = capsys.readouterr()
        assert "leads out of the" in told.err
        assert "hunter2" not in told.err + told.out
        (project / name).unlink()


class TestConfirming:
    def test_a_value_is_confirmed_for_the_person_alone(
        self, project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        settings = project / ".runctl.toml"
        settings.write_text('[engine]\nbackend = "s3://ours"\n')
        assert program.run(["config", "show"]) == 0
        told = capsys.readouterr()
        assert "not in force" in told.err
        assert "s3://ours" in told.err
        assert "s3://ours" not in told.out
        assert program.run(["config", "validate"]) == 7
        assert program.run(["config", "confirm", "engine.backend"]) == 0
        home = tmp_path / "home" / ".runctl.toml"
        assert home.read_text() == 'confirmed = ["engine.backend=s3://ours"]\n'
        assert settings.read_text() == '[engine]\nbackend = "s3://ours"\n'
        assert program.run(["config", "get", "engine.backend"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "s3://ours"
        settings.write_text('[engine]\nbackend = "s3://theirs"\n[aws]\nprofile = "ml"\n')
        assert program.run(["config", "validate"]) == 7
        for key in ("engine.backend", "aws.profile"):
            assert program.run(["config", "confirm", key]) == 0
        assert program.run(["config", "validate"]) == 0
        assert home.read_text().count("=") == 4

    def test_what_waits_for_nothing_cannot_be_confirmed(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for key in ("engine.backend", "owner", "nonsense"):
            assert program.run(["config", "confirm", key]) == 7

    def test_a_person_s_setting_is_not_written_into_a_project(
        self, project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        words = ["config", "set", "engine.trusted_programs", "/own"]
        assert program.run(words) == 7
        assert "is yours to set" in capsys.readouterr().err
        assert not (project / ".runctl.toml").exists()
        assert program.run([*words, "--personal"]) == 0
        assert "/own" in (tmp_path / "home" / ".runctl.toml").read_text()
