"""Settings: file, environment over it, options over both; all problems at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_auto.errors import SettingsError
from runctl_auto.project import ProjectFolders
from runctl_auto.settings import Settings, load_settings


def load(folder: Path, text: str = "", environ: dict[str, str] | None = None, **options: object) -> Settings:
    if text:
        (folder / ".runctl.toml").write_text(text)
    return load_settings(
        ProjectFolders(folder), environ or {}, {(key,): value for key, value in options.items()}
    )


def problems(folder: Path, text: str = "", environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(folder, text, environ)
    return [str(each) for each in raised.value.problems]


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.engine.choice == "auto"
    assert not settings.sandbox
    assert settings.owner


def test_environment_over_file_and_options_over_both(tmp_path: Path) -> None:
    text = 'owner = "file"\nsandbox = false\n[engine]\nchoice = "pulumi"\nparallel = 3\n'
    environ = {"RUNCTL_ENGINE": "embedded", "RUNCTL_OWNER": "environment", "RUNCTL_SANDBOX": "0"}
    settings = load(tmp_path, text, environ, sandbox=True)
    assert (settings.owner, settings.engine.choice, settings.engine.parallel, settings.sandbox) == (
        "environment",
        "embedded",
        3,
        True,
    )


@pytest.mark.parametrize(("text", "is_on"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_sandbox_by_environment(tmp_path: Path, text: str, is_on: bool) -> None:
    assert load(tmp_path, environ={"RUNCTL_SANDBOX": text}).sandbox is is_on


def test_all_problems_are_told_at_once_with_the_nearest_name(tmp_path: Path) -> None:
    text = (
        'max_parallel_jobs = 101\nownr = "x"\n[engine]\nchioce = "auto"\n[aws]\nendpoint_url = "nonsense"\n'
    )
    told = problems(tmp_path, text)
    assert len(told) == 4
    assert any("max_parallel_jobs" in each and "101" in each for each in told)
    assert any("ownr: unknown setting; did you mean 'owner'?" in each for each in told)
    assert any("engine.chioce: unknown setting; did you mean 'choice'?" in each for each in told)
    assert any("aws.endpoint_url" in each and "URL" in each for each in told)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, environ={"RUNCTL_ENGINE": "steam"})
    assert told.startswith("RUNCTL_ENGINE: engine.choice: ")
    assert "'steam'" in told


@pytest.mark.parametrize("count", [0, 101, -1])
def test_the_number_of_parallel_jobs_is_bounded(tmp_path: Path, count: int) -> None:
    assert problems(tmp_path, f"max_parallel_jobs = {count}\n")


def test_at_least_one_provider(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "[aws]\nenabled = false\n")
    assert "at least one provider" in told


@pytest.mark.parametrize("text", ["owner = ", "\x00", "a = 1\na = 2\n"])
def test_what_is_not_toml_is_told(tmp_path: Path, text: str) -> None:
    assert "not TOML" in problems(tmp_path, text)[0]


def test_what_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".runctl.toml").write_bytes(b"\xff\xfe")
    assert "not TOML" in problems(tmp_path)[0]


def test_the_checkpoint_folder_must_be_writable(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    (told,) = problems(tmp_path, '[checkpoint]\ndirectory = "taken"\n')
    assert "checkpoint.directory" in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_checkpoint_folder_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert problems(tmp_path, '[checkpoint]\ndirectory = "closed/inside"\n')
