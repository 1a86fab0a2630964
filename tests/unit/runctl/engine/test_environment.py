"""Where a command works: which backend, and what of a person's shell reaches the sandbox."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from support.git_indexes import write_index

from runctl_auto.engine import environment
from runctl_auto.engine.choice import Engine
from runctl_auto.engine.environment import Environment, real_cloud
from runctl_auto.errors import CredentialsError, SandboxError, UntrustedError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.aws.clients import client_maker
from runctl_auto.settings.schema import EngineSettings, Settings
from sandbox import daemon

ENDPOINTS = daemon.Endpoints(
    cloud_id="c1",
    cloud_url="http://127.0.0.1:7",
    provider_port=42,
    state_folder=Path("/s/clouds/c1/state"),
    passphrase_file=Path("/s/clouds/c1/passphrase"),
    isolation="namespaces",
    lost_jobs=("old",),
    access_key_id="AKIA1",
    secret_access_key="random",
)


ENGINE = Engine(Path("/engine"), "v3.274.1", "named by a test")


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "PATH": "", **more}


@pytest.fixture
def folders(tmp_path: Path) -> ProjectFolders:
    (tmp_path / "project").mkdir()
    return ProjectFolders(tmp_path / "project")


def started(folder: Path, *, progress: Callable[[str], None]) -> daemon.Endpoints:
    return ENDPOINTS


def sandbox(folders: ProjectFolders) -> Environment:
    return environment.sandbox(folders, lambda text: None, ENGINE, started)


def test_the_sandbox_is_described_by_variables_alone(folders: ProjectFolders) -> None:
    found = sandbox(folders)
    assert found.backend == "file:///s/clouds/c1/state"
    assert found.variables["PULUMI_DEBUG_PROVIDERS"] == "aws:42"
    assert found.variables["PULUMI_CONFIG_PASSPHRASE_FILE"] == "/s/clouds/c1/passphrase"
    assert found.variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert found.variables["AWS_ENDPOINT_URL"] == found.endpoint_url == "http://127.0.0.1:7"
    assert found.variables["AWS_CONFIG_FILE"] == os.devnull
    assert found.variables["AWS_ACCESS_KEY_ID"] == "AKIA1"
    assert found.variables["AWS_SECRET_ACCESS_KEY"] == "random"
    assert Path(found.variables["PULUMI_HOME"]).is_relative_to(folders.private)
    assert found.lost_jobs == ("old",)


def test_a_persons_real_credentials_do_not_reach_the_sandbox(
    folders: ProjectFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.setenv(name, "real")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "real")
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "real")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "real")
    sandbox(folders).enter()
    assert "real" not in [value for name, value in os.environ.items() if name.startswith(("AWS_", "PULUMI_"))]


def test_a_sandbox_that_does_not_start_is_told(folders: ProjectFolders) -> None:
    def fail(folder: Path, *, progress: Callable[[str], None]) -> daemon.Endpoints:
        raise daemon.SandboxError("no port")

    with pytest.raises(SandboxError, match="no port"):
        environment.sandbox(folders, lambda text: None, ENGINE, fail)


def test_a_real_cloud_has_its_own_backend_and_passphrase(tmp_path: Path, folders: ProjectFolders) -> None:
    variables = environ(tmp_path)
    found = real_cloud(Settings(), folders, variables, ENGINE)
    assert found.backend == (folders.private / "state").as_uri()
    passphrase = Path(found.variables["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert len(passphrase.read_text()) >= 32
    again = real_cloud(Settings(), folders, variables, ENGINE)
    assert Path(again.variables["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text() == passphrase.read_text()
    assert not {name for name in found.variables if name.startswith("AWS_")}
    assert "PULUMI_DEBUG_PROVIDERS" not in found.variables


def test_a_teams_backend_and_passphrase_are_taken_as_they_are(
    tmp_path: Path, folders: ProjectFolders
) -> None:
    settings = Settings.model_validate({"engine": {"backend": "s3://team/state"}, "aws": {"profile": "work"}})
    variables = environ(tmp_path, PULUMI_CONFIG_PASSPHRASE="x")
    found = real_cloud(settings, folders, variables, ENGINE)
    assert found.backend == found.variables["PULUMI_BACKEND_URL"] == "s3://team/state"
    assert found.variables["AWS_PROFILE"] == "work"
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in found.variables


def passphrase_file(folders: ProjectFolders) -> Path:
    return folders.private / "passphrase"


@pytest.mark.parametrize("planted", ["link", "pipe", "state"])
def test_a_planted_passphrase_or_state_is_not_used(
    folders: ProjectFolders, tmp_path: Path, planted: str
) -> None:
    file = folders.make_private() / ("state" if planted == "state" else "passphrase")
    (tmp_path / "theirs").mkdir()
    if planted == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(tmp_path / "theirs")
    with pytest.raises(UntrustedError, match=f"{file.name} is "):
        real_cloud(Settings(), folders, environ(tmp_path), ENGINE)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_passphrase_file_that_others_may_write_is_not_used(folders: ProjectFolders, tmp_path: Path) -> None:
    named = tmp_path / "named"
    settings = Settings(engine=EngineSettings(passphrase_file=named))
    named.write_text("x")
    assert real_cloud(settings, folders, environ(tmp_path), ENGINE).variables[
        "PULUMI_CONFIG_PASSPHRASE_FILE"
    ] == str(named)
    named.chmod(0o666)
    with pytest.raises(UntrustedError, match="is writable by every user"):
        real_cloud(settings, folders, environ(tmp_path), ENGINE)
    named.unlink()
    os.mkfifo(named)
    with pytest.raises(UntrustedError, match="is not a regular file"):
        real_cloud(settings, folders, environ(tmp_path), ENGINE)
    named.unlink()
    named.write_text("x")
    write_index(tmp_path, ["named", "train.py"])
    with pytest.raises(UntrustedError, match="is tracked by git"):
        real_cloud(settings, folders, environ(tmp_path), ENGINE)


def test_a_passphrase_is_there_whole_or_not_at_all(folders: ProjectFolders, tmp_path: Path) -> None:
    for _ in range(2):
        real_cloud(Settings(), folders, environ(tmp_path), ENGINE)
    assert len(passphrase_file(folders).read_text()) >= 32
    assert passphrase_file(folders).stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in folders.private.iterdir()) == ["passphrase", "state"]


CONFIG = """
[profile work]
region = eu-west-1
[profile chained]
role_arn = arn:aws:iam::123456789012:role/train
source_profile = from-variables
[profile from-variables]
role_arn = arn:aws:iam::123456789012:role/base
credential_source = Environment
"""
CREDENTIALS = """
[work]
aws_access_key_id = AKIAWORK
aws_secret_access_key = work
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "other", "AWS_SESSION_TOKEN": "other"}


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A shell with key variables and a configuration with profiles; what is entered is undone."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, text in (("AWS_CONFIG_FILE", CONFIG), ("AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS)):
        file = tmp_path / name
        file.write_text(text)
        monkeypatch.setenv(name, str(file))
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with patch.dict(os.environ):
        yield monkeypatch


def access_keys() -> dict[str, str]:
    """The keys that runctl's clients sign with, and those that the engine and its provider find."""
    made = {"runctl": client_maker(), "engine": client_maker(as_engine=True)}
    clients = {who: factory("sts", "us-east-1") for who, factory in made.items()}
    return {who: client._request_signer._credentials.access_key for who, client in clients.items()}


@pytest.mark.parametrize("named_by", ["setting", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_named_profile_is_the_identity_of_runctl_engine_and_provider(
    folders: ProjectFolders, shell: pytest.MonkeyPatch, named_by: str
) -> None:
    settings = Settings.model_validate({"aws": {"profile": "work"}} if named_by == "setting" else {})
    if named_by != "setting":
        shell.setenv(named_by, "work")
    found = real_cloud(settings, folders, os.environ, ENGINE)
    found.enter()
    assert access_keys() == {"runctl": "AKIAWORK", "engine": "AKIAWORK"}
    assert found.identity.ignored == tuple(KEYS)
    assert set(KEYS) <= set(found.removed), "plain pulumi gets the same, by `runctl env`"
    assert found.variables["AWS_PROFILE"] == "work"
    assert KEYS.items() & os.environ.items() == set(), "children of this process have no keys"


def test_without_a_profile_key_variables_are_the_identity_of_all(
    folders: ProjectFolders, shell: pytest.MonkeyPatch
) -> None:
    found = real_cloud(Settings(), folders, os.environ, ENGINE)
    found.enter()
    assert access_keys() == {"runctl": "AKIAOTHER", "engine": "AKIAOTHER"}
    assert found.removed == ()


@pytest.mark.parametrize("profile", ["chained", "from-variables"])
def test_a_profile_that_needs_the_key_variables_is_refused(
    folders: ProjectFolders, shell: pytest.MonkeyPatch, profile: str
) -> None:
    settings = Settings.model_validate({"aws": {"profile": profile}})
    with pytest.raises(CredentialsError, match="credential_source = Environment") as raised:
        real_cloud(settings, folders, os.environ, ENGINE)
    assert "source_profile" in str(raised.value.next_step)
    for name in KEYS:
        shell.delenv(name)
    assert real_cloud(settings, folders, os.environ, ENGINE).variables["AWS_PROFILE"] == profile
