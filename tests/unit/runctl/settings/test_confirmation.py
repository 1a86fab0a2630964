"""What a project's file may not decide by itself, and how a person confirms it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runctl_auto.errors import SettingsError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.checkout import settings_of_checkout
from runctl_auto.settings.schema import CONFIRMED, setting_value
from runctl_auto.settings.sources import load_settings, load_sourced_settings, variable_for

REDIRECTING = {
    ("aws", "endpoint_url"): "https://evil.example",
    ("aws", "profile"): "admin",
    ("engine", "path"): "/tmp/evil/bin/pulumi",
    ("engine", "backend"): "s3://evil?region=us-east-1",
    ("engine", "passphrase_file"): "planted",
    ("engine", "secrets_provider"): "awskms://alias/evil",
    ("notify", "webhook"): "evil_hook",
    ("notify", "command"): "curl https://evil.example",
    ("sessions", "log_bucket"): "evil-bucket",
    ("monitoring", "trace_file"): "/tmp/evil/trace",
}
EACH = pytest.mark.parametrize("path", CONFIRMED, ids=".".join)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def write(folder: Path, path: tuple[str, ...], value: str) -> None:
    (folder / ".runctl.toml").write_text(f'[{path[0]}]\n{path[1]} = "{value}"\n')


def load(project: Path, home: Path, **environ: str) -> Any:
    return load_settings(ProjectFolders(project), {"HOME": str(home), **environ}, {})


def refusal(project: Path, home: Path, **environ: str) -> SettingsError:
    with pytest.raises(SettingsError) as raised:
        load(project, home, **environ)
    return raised.value


def test_every_such_setting_is_tried_here() -> None:
    assert set(REDIRECTING) == set(CONFIRMED)


@EACH
def test_a_projects_file_alone_is_not_followed(project: Path, home: Path, path: tuple[str, ...]) -> None:
    write(project, path, REDIRECTING[path])
    error = refusal(project, home)
    assert error.exit_code == 7
    (problem,) = error.problems
    assert (problem.line, problem.field, problem.found) == (2, ".".join(path), REDIRECTING[path])
    assert f"runctl config confirm {'.'.join(path)}" in str(problem)
    assert f"{variable_for(path)} with a value" in str(problem)
    assert ("'none'" in str(problem)) == (path[1] != "secrets_provider")


@EACH
def test_left_out_it_is_told_and_the_person_s_value_holds(
    project: Path, home: Path, path: tuple[str, ...]
) -> None:
    write(project, path, REDIRECTING[path])
    write(
        home, path, REDIRECTING[path].replace("evil", "own").replace("admin", "own").replace("planted", "own")
    )
    found = load_sourced_settings(
        ProjectFolders(project), {"HOME": str(home)}, {}, leave_out_unconfirmed=True
    )
    assert "own" in str(setting_value(found.settings, path))
    assert found.origins[path].name == f"{home}/.runctl.toml:2"
    assert [(each.path, each.value) for each in found.unconfirmed] == [(path, REDIRECTING[path])]
    assert refusal(project, home).problems


@EACH
def test_the_persons_file_confirms_by_the_same_value(
    project: Path, home: Path, path: tuple[str, ...]
) -> None:
    write(project, path, REDIRECTING[path])
    write(home, path, REDIRECTING[path])
    assert str(setting_value(load(project, home), path)) == REDIRECTING[path]


@EACH
def test_the_persons_file_confirms_by_an_entry(project: Path, home: Path, path: tuple[str, ...]) -> None:
    write(project, path, REDIRECTING[path])
    value = REDIRECTING[path]
    value = str(project / value) if path == ("engine", "passphrase_file") else value
    (home / ".runctl.toml").write_text(f'confirmed = ["{".".join(path)}={value}"]\n')
    assert str(setting_value(load(project, home), path)) == REDIRECTING[path]
    write(
        project,
        path,
        REDIRECTING[path].replace("evil", "evil2").replace("admin", "x").replace("planted", "x"),
    )
    assert refusal(project, home).problems, "another value is not confirmed"
    assert load(
        project,
        home,
        RUNCTL_CONFIRMED=f"{'.'.join(path)}={value}0",
        **{variable_for(path): "none"}
        if path != ("engine", "secrets_provider")
        else {variable_for(path): "passphrase"},
    )


def test_an_entry_for_a_file_is_for_that_file_alone(project: Path, home: Path, tmp_path: Path) -> None:
    path = ("engine", "passphrase_file")
    (home / ".runctl.toml").write_text(f'confirmed = ["engine.passphrase_file={project}/planted"]\n')
    write(project, path, "planted")
    assert load(project, home).engine.passphrase_file == Path("planted")
    other = tmp_path / "other"
    other.mkdir()
    write(other, path, "planted")
    assert refusal(other, home).problems


@EACH
def test_a_variable_overrides_and_needs_no_confirmation(
    project: Path, home: Path, path: tuple[str, ...]
) -> None:
    write(project, path, REDIRECTING[path])
    own = {
        ("aws", "endpoint_url"): "http://127.0.0.1:5000",
        ("engine", "backend"): "file:///own",
    }.get(path, "own")
    assert str(setting_value(load(project, home, **{variable_for(path): own}), path)) == own


@pytest.mark.parametrize("path", [path for path in CONFIRMED if path[1] != "secrets_provider"], ids=".".join)
def test_a_variable_can_say_none(project: Path, home: Path, path: tuple[str, ...]) -> None:
    write(project, path, REDIRECTING[path])
    write(home, path, REDIRECTING[path])
    assert setting_value(load(project, home, **{variable_for(path): "none"}), path) is None


def test_a_variable_can_empty_a_list(project: Path, home: Path) -> None:
    (home / ".runctl.toml").write_text('confirmed = ["aws.profile=admin"]\n')
    write(project, ("aws", "profile"), "admin")
    assert load(project, home).aws.profile == "admin"
    assert refusal(project, home, RUNCTL_CONFIRMED="none").problems


@pytest.mark.parametrize(
    "text",
    [
        'confirmed = ["aws.profile=admin"]\n[aws]\nprofile = "admin"\n',
        '[engine]\ntrusted_programs = ["/tmp"]\n',
        '[policies]\nbase = "/tmp"\n',
    ],
)
def test_a_project_cannot_confirm_itself(project: Path, home: Path, text: str) -> None:
    (project / ".runctl.toml").write_text(text)
    assert "is yours to set" in str(refusal(project, home).problems[0])
    (project / ".runctl.toml").unlink()
    (home / ".runctl.toml").write_text(text)
    assert load(project, home)


@pytest.mark.parametrize("entry", ["aws.profile", "aws.profile=", "owner=me", "=x"])
def test_an_entry_that_confirms_nothing_is_told(project: Path, home: Path, entry: str) -> None:
    (home / ".runctl.toml").write_text(f'confirmed = ["{entry}"]\n')
    assert "is no KEY=VALUE" in str(refusal(project, home).problems[0])


def test_the_base_of_policies_has_one_place(project: Path, home: Path) -> None:
    assert "must be absolute" in str(refusal(project, home, RUNCTL_POLICIES_BASE="../base").problems[0])
    assert load(project, home, RUNCTL_POLICIES_BASE="~/base").policies.base == Path("~/base")


def test_a_trusted_program_has_one_place(project: Path, home: Path) -> None:
    assert "must be absolute" in str(refusal(project, home, RUNCTL_ENGINE_TRUSTED_PROGRAMS="stacks"))
    found = load(project, home, RUNCTL_ENGINE_TRUSTED_PROGRAMS="/a, ~/b")
    assert found.engine.trusted_programs == (Path("/a"), Path("~/b"))


def test_at_home_ones_own_file_is_ones_own_unless_a_repository_brought_it(home: Path) -> None:
    write(home, ("aws", "profile"), "admin")
    assert load(home, home).aws.profile == "admin"
    (home / ".git").mkdir()
    assert refusal(home, home).problems


def test_files_outside_the_project_are_not_read_for_it(project: Path, home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.toml"
    outside.write_text("owner = 1\n")
    (project / ".runctl.toml").symlink_to(outside)
    assert "is a link that leads out of the project" in str(refusal(project, home))
    (project / ".runctl.toml").unlink()
    (project / "inside.toml").write_text('owner = "ann"\n')
    (project / ".runctl.toml").symlink_to("inside.toml")
    assert load(project, home).owner == "ann"


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("checkpoint", "directory", "../elsewhere"),
        ("checkpoint", "directory", "/tmp/elsewhere"),
        ("policies", "file", "../policies.yaml"),
        ("policies", "file", "/tmp/policies.yaml"),
    ],
)
def test_places_that_a_project_names_lie_in_it(
    project: Path, home: Path, section: str, key: str, value: str
) -> None:
    write(project, (section, key), value)
    assert "leads out of the project" in str(refusal(project, home))
    (project / ".runctl.toml").unlink()
    write(home, (section, key), value)
    assert load(project, home)


@pytest.mark.parametrize("name", ["runs", "policies.yaml"])
def test_links_where_the_defaults_are_do_not_lead_out(
    project: Path, home: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (project / name).symlink_to(tmp_path / "elsewhere")
    assert "leads out of the project" in str(refusal(project, home))


def test_a_personal_file_that_others_may_write_is_not_believed(project: Path, home: Path) -> None:
    from runctl_auto.errors import UntrustedError

    write(home, ("aws", "profile"), "admin")
    (home / ".runctl.toml").chmod(0o666)
    with pytest.raises(UntrustedError, match="writable by every user"):
        load(project, home)


def test_a_checkout_tells_its_own_settings_alone(project: Path) -> None:
    assert settings_of_checkout(project).policies.protected == ()
    (project / ".runctl.toml").write_text(
        '[aws]\nenabled = false\n[policies]\nprotected = ["our-bucket"]\nallow_skip = true\n'
    )
    found = settings_of_checkout(project)
    assert (found.policies.protected, found.policies.allow_skip) == (("our-bucket",), True)
    (project / ".runctl.toml").write_text("x = 1\n")
    with pytest.raises(SettingsError, match="unknown setting"):
        settings_of_checkout(project)
