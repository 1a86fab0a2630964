"""`runctl config`: what is in force and where it comes from, in words and as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.output_schemas import check_output

from runctl_auto.cli.main import run
from runctl_auto.settings.schema import setting_fields

TEXT = 'owner = "me"  # mine\n[engine]\nparallel = 3\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [each for each in os.environ if each.startswith("RUNCTL_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "project"
    (tmp_path / "home").mkdir()
    folder.mkdir()
    (folder / ".runctl.toml").write_text(TEXT)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(folder)
    return folder


def in_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert run(["--output", "json", *arguments]) == code
    out = capsys.readouterr().out
    check_output(["--output", "json", *arguments], out)
    found: dict[str, object] = json.loads(out)
    return found


def test_show_lists_every_setting_with_its_origin(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_BACKEND", "s3://team")
    assert run(["--sandbox", "config", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "FROM"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert set(rows) == {".".join(path) for path, _ in setting_fields()}
    assert rows["owner"] == ["me", f"{project}/.runctl.toml:1"]
    assert rows["engine.parallel"] == ["3", f"{project}/.runctl.toml:3"]
    assert rows["engine.backend"] == ["s3://team", "RUNCTL_BACKEND"]
    assert rows["sandbox"] == ["true", "--sandbox"]
    assert rows["aws.profile"] == ["(none)", "default"]
    found = in_json(capsys, "config", "show")
    assert found["file"] == f"{project}/.runctl.toml"


def test_get_prints_the_value_alone_on_stdout(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "get", "engine.parallel"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("3\n", f"from {project}/.runctl.toml:3\n")
    assert in_json(capsys, "config", "get", "engine.parallel") == {
        "key": "engine.parallel",
        "value": 3,
        "origin": {"kind": "file", "name": f"{project}/.runctl.toml:3"},
    }


def test_set_and_unset_change_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "set", "engine.parallel", "7"]) == 0
    file = project / ".runctl.toml"
    assert file.read_text() == TEXT.replace("3", "7")
    assert capsys.readouterr().out == f"engine.parallel is set in {file}; in force: 7, from {file}:3\n"
    assert in_json(capsys, "config", "unset", "engine.parallel")["value"] == 16
    assert file.read_text() == TEXT.replace("parallel = 3\n", "")
    assert run(["config", "unset", "engine.parallel"]) == 0
    assert "is not set in" in capsys.readouterr().out


def test_what_is_set_and_overridden_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_PARALLEL", "9")
    found = in_json(capsys, "config", "set", "engine.parallel", "7")
    assert (found["value"], found["origin"]) == (9, {"kind": "environment", "name": "RUNCTL_PARALLEL"})
    assert "parallel = 7" in (project / ".runctl.toml").read_text()


def test_personal_settings_lie_at_home(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "set", "aws.profile", "work", "--personal"]) == 0
    home = project.parent / "home" / ".runctl.toml"
    assert home.read_text() == '[aws]\nprofile = "work"\n'
    assert (project / ".runctl.toml").read_text() == TEXT
    capsys.readouterr()
    assert run(["config", "get", "aws.profile"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("work\n", f"from {home}:2\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["get", "paralel"], "did you mean 'engine.parallel'?"),
        (["get", "parallel"], "did you mean 'engine.parallel'?"),
        (["set", "engine", "x"], "engine: unknown setting"),
        (["set", "engine.parallel", "0"], "engine.parallel: is out of range; found 0"),
        (["set", "engine.parallel", "-"], 'engine.parallel: has no such value; found "-"'),
        (["set", "engine.parallel"], "Missing argument 'VALUE'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_ends_with_7_and_changes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["config", *arguments]) == 7
    assert said in capsys.readouterr().err
    assert (project / ".runctl.toml").read_text() == TEXT


def test_validate_tells_all_that_is_wrong_and_what_is_doubtful(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_PARALEL", "3")
    assert in_json(capsys, "config", "validate") == {
        "valid": True,
        "files": [f"{project}/.runctl.toml"],
        "doubtful_variables": {"RUNCTL_PARALEL": "RUNCTL_PARALLEL"},
    }
    assert run(["config", "validate"]) == 0
    told = capsys.readouterr()
    assert told.out == f"The settings are valid; read: {project}/.runctl.toml\n"
    assert told.err == "RUNCTL_PARALEL sets nothing; did you mean RUNCTL_PARALLEL?\n"
    (project / ".runctl.toml").write_text('ownr = "x"\n[engine]\nparallel = 0\n')
    assert run(["config", "validate"]) == 7
    err = capsys.readouterr().err
    assert f"{project}/.runctl.toml:1: ownr: unknown setting; did you mean 'owner'?" in err
    assert f"{project}/.runctl.toml:3: engine.parallel: is out of range; found 0" in err
