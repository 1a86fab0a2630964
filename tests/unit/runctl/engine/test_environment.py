"""Where a command works: which engine, which backend, and what of a person's shell reaches the sandbox."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_auto.engine import environment
from runctl_auto.engine.environment import Environment, embedded_engine, real_cloud
from runctl_auto.errors import EngineNotFoundError, SandboxError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.schema import Settings
from sandbox import daemon

ENDPOINTS = daemon.Endpoints(
    cloud_id="c1",
    cloud_url="http://127.0.0.1:7",
    provider_port=42,
    state_folder=Path("/s/clouds/c1/state"),
    passphrase_file=Path("/s/clouds/c1/passphrase"),
    isolation="namespaces",
    lost_jobs=("old",),
)


def pulumi(folder: Path, answer: str = "v3.200.1") -> Path:
    """A ``pulumi`` that would tell the version ``answer``; its bin folder."""
    executable = folder / "bin" / "pulumi"
    executable.parent.mkdir(parents=True)
    executable.write_text(answer)
    executable.chmod(0o755)
    return executable.parent


def environ(tmp_path: Path, *path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "PATH": os.pathsep.join(map(str, path)), **more}


@pytest.fixture(autouse=True)
def versions_without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_told_version", lambda executable: executable.read_text())


@pytest.fixture
def folders(tmp_path: Path) -> ProjectFolders:
    (tmp_path / "project").mkdir()
    return ProjectFolders(tmp_path / "project")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "ensure_started", lambda folder, *, progress: ENDPOINTS)


def sandbox(folders: ProjectFolders, variables: dict[str, str], choice: str = "auto") -> Environment:
    settings = Settings.model_validate({"engine": {"choice": choice}})
    return environment.sandbox(settings, folders, variables, lambda text: None)


@pytest.mark.usefixtures("started")
def test_the_sandbox_is_described_by_variables_alone(tmp_path: Path, folders: ProjectFolders) -> None:
    found = sandbox(folders, environ(tmp_path))
    assert found.backend == "file:///s/clouds/c1/state"
    assert found.variables["PULUMI_DEBUG_PROVIDERS"] == "aws:42"
    assert found.variables["PULUMI_CONFIG_PASSPHRASE_FILE"] == "/s/clouds/c1/passphrase"
    assert found.variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert found.variables["AWS_ENDPOINT_URL"] == found.endpoint_url == "http://127.0.0.1:7"
    assert found.variables["AWS_CONFIG_FILE"] == os.devnull
    assert Path(found.variables["PULUMI_HOME"]).is_relative_to(folders.private)
    assert found.lost_jobs == ("old",)


@pytest.mark.usefixtures("started")
def test_a_persons_real_credentials_do_not_reach_the_sandbox(
    tmp_path: Path, folders: ProjectFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.setenv(name, "real")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "real")
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "real")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "real")
    sandbox(folders, environ(tmp_path)).enter()
    assert "real" not in [value for name, value in os.environ.items() if name.startswith(("AWS_", "PULUMI_"))]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("choice", "version", "name"),
    [
        ("auto", "v3.200.1", "pulumi"),
        ("auto", "v3.100.0", "embedded"),
        ("auto", "v4.0.0", "embedded"),
        ("auto", "nonsense", "embedded"),
        ("auto", None, "embedded"),
        ("embedded", "v3.200.1", "embedded"),
        ("pulumi", "v3.200.1", "pulumi"),
    ],
)
def test_the_engine_of_the_sandbox(
    tmp_path: Path, folders: ProjectFolders, choice: str, version: str | None, name: str
) -> None:
    path = [] if version is None else [pulumi(tmp_path / "cli", version)]
    found = sandbox(folders, environ(tmp_path, *path), choice)
    assert found.engine.name == name
    assert found.engine.root == (tmp_path / "cli" if name == "pulumi" else embedded_engine())
    assert found.engine.why


@pytest.mark.usefixtures("started")
def test_our_own_engine_on_path_is_not_taken_for_pulumis(tmp_path: Path, folders: ProjectFolders) -> None:
    path = embedded_engine() / "bin"
    assert sandbox(folders, environ(tmp_path, path)).engine.name == "embedded"
    both = environ(tmp_path, path, pulumi(tmp_path / "cli"))
    assert sandbox(folders, both).engine.name == "pulumi"


@pytest.mark.usefixtures("started")
def test_asking_for_pulumi_without_it_names_the_way_out(tmp_path: Path, folders: ProjectFolders) -> None:
    with pytest.raises(EngineNotFoundError) as raised:
        sandbox(folders, environ(tmp_path), "pulumi")
    assert "runctl setup" in (raised.value.next_step or "")


def test_a_sandbox_that_does_not_start_is_told(
    tmp_path: Path, folders: ProjectFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path, *, progress: object) -> None:
        raise daemon.SandboxError("no port")

    monkeypatch.setattr(daemon, "ensure_started", fail)
    with pytest.raises(SandboxError, match="no port"):
        sandbox(folders, environ(tmp_path))


def test_a_real_cloud_has_its_own_backend_and_passphrase(tmp_path: Path, folders: ProjectFolders) -> None:
    variables = environ(tmp_path, pulumi(tmp_path / "cli"))
    found = real_cloud(Settings(), folders, variables)
    assert found.backend == (folders.private / "state").as_uri()
    passphrase = Path(found.variables["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert len(passphrase.read_text()) >= 32
    again = real_cloud(Settings(), folders, variables)
    assert Path(again.variables["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text() == passphrase.read_text()
    assert not {name for name in found.variables if name.startswith("AWS_")}
    assert "PULUMI_DEBUG_PROVIDERS" not in found.variables


def test_a_teams_backend_and_passphrase_are_taken_as_they_are(
    tmp_path: Path, folders: ProjectFolders
) -> None:
    settings = Settings.model_validate({"engine": {"backend": "s3://team/state"}, "aws": {"profile": "work"}})
    variables = environ(tmp_path, pulumi(tmp_path / "cli"), PULUMI_CONFIG_PASSPHRASE="x")
    found = real_cloud(settings, folders, variables)
    assert found.backend == found.variables["PULUMI_BACKEND_URL"] == "s3://team/state"
    assert found.variables["AWS_PROFILE"] == "work"
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in found.variables


def test_what_setup_installed_is_found(tmp_path: Path, folders: ProjectFolders) -> None:
    variables = environ(tmp_path)
    pulumi(environment.setup_folder(variables))
    assert real_cloud(Settings(), folders, variables).engine.root == environment.setup_folder(variables)


@pytest.mark.parametrize("choice", ["auto", "pulumi", "embedded"])
def test_no_real_cloud_without_pulumis_own_engine(
    tmp_path: Path, folders: ProjectFolders, choice: str
) -> None:
    settings = Settings.model_validate({"engine": {"choice": choice}})
    with pytest.raises(EngineNotFoundError) as raised:
        real_cloud(settings, folders, environ(tmp_path))
    assert "runctl setup" in (raised.value.next_step or "")
