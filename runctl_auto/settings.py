"""Settings of a project or person: ``.runctl.toml``, environment ``RUNCTL_*`` over it, options over both.

Validated whole on load: all that is wrong is told at once, with file and field.
"""

from __future__ import annotations

import difflib
import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from runctl_auto.errors import FieldProblem, SettingsError
from runctl_auto.project import ProjectFolders

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found]

_MAX_FILE_BYTES = 1_000_000
_BACKEND_SCHEMES = ("file", "s3", "gs", "azblob", "http", "https")


def _current_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AwsSettings(_Section):
    """How to reach AWS."""

    enabled: bool = True
    profile: str | None = None
    endpoint_url: str | None = None

    @field_validator("endpoint_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        return _checked_url(value, ("http", "https"))


class RunpodSettings(_Section):
    """How to reach RunPod."""

    enabled: bool = False
    endpoint_url: str = "https://api.runpod.io/v2"

    @field_validator("endpoint_url")
    @classmethod
    def _is_url(cls, value: str) -> str | None:
        return _checked_url(value, ("http", "https"))


class LocalSettings(_Section):
    """Jobs on the local machine."""

    enabled: bool = False


class CheckpointSettings(_Section):
    """Where checkpoints that are brought home go, relative to the project folder."""

    directory: Path = Path("runs")


class MonitoringSettings(_Section):
    """What runctl tells of itself."""

    metrics_file: Path | None = None


class EngineSettings(_Section):
    """Which Pulumi engine works, and where it keeps state."""

    choice: Literal["auto", "pulumi", "embedded"] = "auto"
    backend: str | None = None
    passphrase_file: Path | None = None
    secrets_provider: str = "passphrase"
    parallel: int = Field(default=16, ge=1, le=256)

    @field_validator("backend")
    @classmethod
    def _is_backend(cls, value: str | None) -> str | None:
        return _checked_url(value, _BACKEND_SCHEMES)


_ProtectedId = Annotated[
    str, StringConstraints(pattern=r"^(vol-[0-9a-f]{8,17}|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$")
]


class PolicySettings(_Section):
    """Which policies judge a change, and what is protected by its id whatever a job says.

    ``file`` says how strictly each rule is held and what the project allows, relative to the project folder;
    ``allow_skip`` permits ``--no-policy``.
    ``protected`` holds ids of volumes (``vol-...``) and names of buckets.
    """

    allow_skip: bool = False
    file: Path = Path("policies.yaml")
    protected: tuple[_ProtectedId, ...] = ()


class Settings(_Section):
    """All settings, complete and valid."""

    owner: str = Field(default_factory=_current_user, min_length=1, max_length=128)
    sandbox: bool = False
    max_parallel_jobs: int = Field(default=10, ge=1, le=100)
    aws: AwsSettings = AwsSettings()
    runpod: RunpodSettings = RunpodSettings()
    local: LocalSettings = LocalSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    engine: EngineSettings = EngineSettings()
    policies: PolicySettings = PolicySettings()

    @model_validator(mode="after")
    def _has_a_provider(self) -> Settings:
        if not (self.aws.enabled or self.runpod.enabled or self.local.enabled):
            raise ValueError("at least one provider must be enabled (aws, runpod or local)")
        return self


_VARIABLES: dict[str, tuple[str, ...]] = {
    "RUNCTL_OWNER": ("owner",),
    "RUNCTL_SANDBOX": ("sandbox",),
    "RUNCTL_MAX_PARALLEL_JOBS": ("max_parallel_jobs",),
    "RUNCTL_ENGINE": ("engine", "choice"),
    "RUNCTL_BACKEND": ("engine", "backend"),
    "RUNCTL_PASSPHRASE_FILE": ("engine", "passphrase_file"),
    "RUNCTL_PARALLEL": ("engine", "parallel"),
    "RUNCTL_AWS_PROFILE": ("aws", "profile"),
}


def load_settings(
    folders: ProjectFolders, environ: Mapping[str, str], options: Mapping[tuple[str, ...], object]
) -> Settings:
    """The settings in force: defaults, then the project's file, then ``environ``, then ``options``.

    ``options`` maps paths such as ``("engine", "choice")`` to values. Raises ``SettingsError`` with all that
    is wrong.
    """
    file = folders.settings_file
    merged = _read_file(file)
    sources: dict[tuple[str, ...], str] = {}
    for name, path in _VARIABLES.items():
        if environ.get(name, "") != "":
            _put(merged, path, environ[name])
            sources[path] = name
    for path, value in options.items():
        _put(merged, path, value)
        sources[path] = "option --" + path[-1].replace("_", "-")
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        problems = [_problem(entry, str(file), sources) for entry in error.errors()]
        raise _settings_error(problems) from error
    _check_folder(folders.root / settings.checkpoint.directory, file)
    return settings


def _read_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise _settings_error([FieldProblem(str(file), None, None, "", "the file is over 1 MB")])
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return content
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _settings_error([FieldProblem(str(file), None, None, "", f"not TOML: {error}")]) from error
    except OSError as error:
        raise _settings_error(
            [FieldProblem(str(file), None, None, "", f"cannot be read: {error}")]
        ) from error


def _put(values: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for key in path[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        values = inner
    values[path[-1]] = value


def _problem(entry: Any, file: str, sources: Mapping[tuple[str, ...], str]) -> FieldProblem:
    path = tuple(str(part) for part in entry["loc"])
    unknown = entry["type"] == "extra_forbidden"
    return FieldProblem(
        file=sources.get(path, file),
        line=None,
        column=None,
        field=".".join(path),
        message="unknown setting" if unknown else entry["msg"].removeprefix("Value error, "),
        found=None if unknown or not path else repr(entry["input"]),
        nearest=_nearest(path) if unknown else None,
    )


def _nearest(path: tuple[str, ...]) -> str | None:
    section: Any = Settings
    for key in path[:-1]:
        section = section.model_fields[key].annotation
    close = difflib.get_close_matches(path[-1], section.model_fields, n=1)
    return close[0] if close else None


def _check_folder(folder: Path, file: Path) -> None:
    import os

    existing = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        problem = FieldProblem(
            str(file), None, None, "checkpoint.directory", "not a writable folder", found=str(folder)
        )
        raise _settings_error([problem])


def _settings_error(problems: list[FieldProblem]) -> SettingsError:
    return SettingsError(
        "The settings are wrong.", problems=problems, next_step="Correct the named settings and repeat."
    )


def _checked_url(value: str | None, schemes: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
        raise ValueError(f"must be a URL with one of the schemes {', '.join(schemes)}")
    return value
