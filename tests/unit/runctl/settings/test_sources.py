"""Settings: a person's file, the project's, environment, options; all problems at once, each placed."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.errors import FieldProblem, SettingsError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.schema import Settings, setting_fields
from runctl_auto.settings.sources import SourcedSettings, load_sourced_settings, variable_for


def sourced(
    folder: Path, text: str = "", environ: dict[str, str] | None = None, **options: object
) -> SourcedSettings:
    if text:
        (folder / ".runctl.toml").write_text(text)
    return load_sourced_settings(
        ProjectFolders(folder), environ or {}, {(key,): value for key, value in options.items()}
    )


def load(folder: Path, text: str = "", environ: dict[str, str] | None = None, **options: object) -> Settings:
    return sourced(folder, text, environ, **options).settings


def problems(folder: Path, text: str = "", environ: dict[str, str] | None = None) -> list[str]:
    """What is told, without the name of the settings file."""
    with pytest.raises(SettingsError) as raised:
        load(folder, text, environ)
    assert raised.value.exit_code == 7
    return [str(each).removeprefix(str(folder / ".runctl.toml")) for each in raised.value.problems]


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    found = sourced(tmp_path)
    assert found.settings.engine.path is None
    assert not found.settings.sandbox
    assert found.settings.owner
    assert {str(origin) for origin in found.origins.values()} == {"default"}


def test_environment_over_file_and_options_over_both(tmp_path: Path) -> None:
    text = 'owner = "file"\nsandbox = false\n[engine]\npath = "/opt/pulumi"\nparallel = 3\n'
    environ = {"RUNCTL_ENGINE": "/other/pulumi", "RUNCTL_OWNER": "environment", "RUNCTL_SANDBOX": "0"}
    found = sourced(tmp_path, text, environ, sandbox=True)
    engine = found.settings.engine
    assert (found.settings.owner, found.settings.sandbox) == ("environment", True)
    assert (engine.path, engine.parallel) == ("/other/pulumi", 3)
    told = {".".join(path): str(origin) for path, origin in found.origins.items()}
    assert {key: origin for key, origin in told.items() if origin != "default"} == {
        "owner": "RUNCTL_OWNER",
        "sandbox": "--sandbox",
        "engine.path": "RUNCTL_ENGINE",
        "engine.parallel": f"{tmp_path}/.runctl.toml:5",
    }  # fmt: skip


def test_a_persons_file_lies_under_that_of_the_project(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    for folder in (home, project):
        folder.mkdir()
    (home / ".runctl.toml").write_text('owner = "me"\n[engine]\nparallel = 2\npath = "/opt/pulumi"\n')
    found = sourced(project, "[engine]\nparallel = 3\n", {"HOME": str(home)})
    assert (found.settings.owner, found.settings.engine.parallel) == ("me", 3)
    assert found.settings.engine.path == "/opt/pulumi"
    assert found.origins["owner",].name == f"{home}/.runctl.toml:1"
    assert found.origins["engine", "parallel"].name == f"{project}/.runctl.toml:2"
    (home / ".runctl.toml").write_text("ownr = 1\n")
    with pytest.raises(SettingsError, match=r"home/\.runctl\.toml:1: ownr: unknown setting"):
        load(project, "", {"HOME": str(home)})


def test_the_file_of_a_project_at_home_is_read_once(tmp_path: Path) -> None:
    assert problems(tmp_path, "x = 1\n", {"HOME": str(tmp_path)}) == [":1: x: unknown setting"]


@pytest.mark.parametrize(("text", "is_on"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_sandbox_by_environment(tmp_path: Path, text: str, is_on: bool) -> None:
    assert load(tmp_path, environ={"RUNCTL_SANDBOX": text}).sandbox is is_on


def test_every_setting_has_a_variable_of_its_own_and_says_what_it_is() -> None:
    fields = dict(setting_fields())
    assert len({variable_for(path) for path in fields}) == len(fields)
    assert variable_for(("aws", "endpoint_url")) == "RUNCTL_AWS_ENDPOINT_URL"
    assert [path for path, info in fields.items() if not info.title or not info.description] == []


def test_a_list_in_a_variable_is_parted_by_commas(tmp_path: Path) -> None:
    found = load(tmp_path, environ={"RUNCTL_POLICIES_PROTECTED": "vol-12345678, bucket"})
    assert found.policies.protected == ("vol-12345678", "bucket")


def test_all_problems_are_told_at_once_with_line_and_nearest_name(tmp_path: Path) -> None:
    text = (
        'max_parallel_jobs = 101\nownr = "x"\n[engine]\nparalel = "auto"\n[aws]\nendpoint_url = "nonsense"\n'
        'sandbox = true\nenabled = "yes"\nprofile = 3\n[policies]\nprotected = ["ok-bucket", "x"]\n'
        "[[checkpoint]]\n[colours]\n"
    )
    assert problems(tmp_path, text, {"RUNCTL_PARALLEL": "many"}) == [
        ':1: max_parallel_jobs: is out of range; found 101; allowed: a whole number from 1 to 100',
        ':8: aws.enabled: is of the wrong type; found "yes"; allowed: true or false',
        ":9: aws.profile: is of the wrong type; found 3; allowed: a profile's name",
        ':6: aws.endpoint_url: must be a URL with one of the schemes http, https; found "nonsense"; '
        "allowed: a URL that begins with https:// or http://",
        ":7: aws.sandbox: unknown setting",
        ":12: checkpoint: is of the wrong type; found a list",
        ":4: engine.paralel: unknown setting; did you mean 'parallel'?",
        ':11: policies.protected: is not of the right form; found "x"; '
        "allowed: ids of volumes (vol-...) and names of buckets",
        ":2: ownr: unknown setting; did you mean 'owner'?",
        ":13: colours: unknown setting",
        'RUNCTL_PARALLEL: engine.parallel: is of the wrong type; found "many"; '
        "allowed: a whole number from 1 to 256",
    ]  # fmt: skip


def test_of_very_many_problems_the_first_are_told(tmp_path: Path) -> None:
    text = "".join(f"k{number} = 1\n" for number in range(5000))
    assert len(problems(tmp_path, text)) == 50
    with pytest.raises(SettingsError, match="the first 50 problems"):
        load(tmp_path)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, environ={"RUNCTL_PARALLEL": "many"})
    assert told.startswith("RUNCTL_PARALLEL: engine.parallel: ")
    assert told.endswith('found "many"; allowed: a whole number from 1 to 256')


@pytest.mark.parametrize("count", [0, 101, -1, "1.5", '"10"', "true"])
def test_the_number_of_parallel_jobs_is_bounded(tmp_path: Path, count: object) -> None:
    assert problems(tmp_path, f"max_parallel_jobs = {count}\n")


def test_at_least_one_provider(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "[aws]\nenabled = false\n")
    assert "at least one provider" in told
    assert load(tmp_path, environ={"RUNCTL_LOCAL_ENABLED": "true"}).local.enabled


def test_signs_that_no_setting_may_hold_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    text = '[aws]\nprofile = "a\\u0000"\n[policies]\nprotected = ["a\\nb"]\n[engine]\nparallel = inf\n'
    assert problems(tmp_path, text, {"RUNCTL_BACKEND": "file:///a\x1b[2J"}) == [
        ":2: aws.profile: holds a character that no setting may hold; found \"a\\u0000\"",
        ":4: policies.protected: holds a character that no setting may hold; found \"a\\nb\"",
        ":6: engine.parallel: is of the wrong type; found Infinity; allowed: a whole number from 1 to 256",
        ":4: policies.protected: is not of the right form; found \"a\\nb\"; "
        "allowed: ids of volumes (vol-...) and names of buckets",
        'RUNCTL_BACKEND: engine.backend: holds a character that no setting may hold; '
        'found "file:///a\\u001b[2J"',
    ]  # fmt: skip


def test_too_long_a_folder_is_told(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, f'[checkpoint]\ndirectory = "{300 * chr(120)}"\n')
    assert ":2: checkpoint.directory: not a writable folder; found " in told


@pytest.mark.parametrize("owner", ["", " ", "a\\nb", "x" * 129, "\\u001b[31m"])
def test_an_owner_that_cannot_be_a_tag_is_refused(tmp_path: Path, owner: str) -> None:
    told = problems(tmp_path, f'owner = "{owner}"\n')
    assert "owner: " in told[-1]
    assert all(each.isprintable() for each in told)


def test_a_users_name_becomes_an_owner_that_can_be_a_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "DOMAIN\\someone")
    assert load(tmp_path).owner == "DOMAIN-someone"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("owner = ", ": not TOML: "),
        ("\x00", ": not TOML: "),
        ("a = 1\na = 2\n", ": not TOML: "),
        ("a = " + "[" * 20_000, ": is nested too deeply"),
        ("a = " + "[" * 210 + "]" * 210, ": is nested too deeply"),
        ("# " + "x" * 70_000, ": is too large; allowed: at most 64 KB"),
    ],
    ids=["value", "nul", "twice", "deep", "deep and closed", "large"],
)
def test_what_is_not_toml_is_told(tmp_path: Path, text: str, said: str) -> None:
    (told,) = problems(tmp_path, text)
    assert told.startswith(said)


def test_what_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".runctl.toml").write_bytes(b"\xff\xfe")
    assert problems(tmp_path) == [": is not UTF-8 text"]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / ".runctl.toml"
    file.mkdir()
    assert problems(tmp_path) == [": is a folder; allowed: a file"]
    file.rmdir()
    os.mkfifo(file)
    assert problems(tmp_path) == [": is not a regular file; allowed: a file"]
    file.unlink()
    file.symlink_to("nowhere")
    assert problems(tmp_path) == [": cannot be read: No such file or directory"]


def test_the_checkpoint_folder_must_be_writable(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    assert problems(tmp_path, '[checkpoint]\ndirectory = "taken"\n') == [
        f":2: checkpoint.directory: not a writable folder; found {tmp_path}/taken; "
        "allowed: a writable folder, relative to the project folder, that does not hold it"
    ]


@pytest.mark.parametrize("directory", [".", "..", "x/..", "/"])
def test_what_comes_home_has_a_folder_of_its_own(tmp_path: Path, directory: str) -> None:
    (told,) = problems(tmp_path, f'[checkpoint]\ndirectory = "{directory}"\n')
    assert told.startswith(":2: checkpoint.directory: holds the project itself")


def test_a_section_that_nothing_reads_is_unknown(tmp_path: Path) -> None:
    assert problems(tmp_path, '[telemetry]\nmetrics_file = "m.prom"\n') == [":1: telemetry: unknown setting"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_checkpoint_folder_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert problems(tmp_path, '[checkpoint]\ndirectory = "closed/inside"\n')


_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["[aws]", "[engine]", "[[policies]]", 'owner = "x"', "parallel = 1e3", "a.b = 1979-05-27"]
        ),
        st.text(max_size=20),
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(lines=_LINES)
def test_any_text_gives_settings_or_a_settings_error(
    lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-settings"
    folder.mkdir(exist_ok=True)
    (folder / ".runctl.toml").write_bytes("\n".join(lines).encode(errors="replace"))
    found: list[FieldProblem] = []
    try:
        assert load(folder).owner
    except SettingsError as error:
        found = [*error.problems]
    assert all(str(each).isprintable() for each in found)
