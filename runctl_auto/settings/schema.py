"""Settings of a project or user: names, types and allowed values.

Of each setting, ``title`` states its purpose and ``description`` the allowed values. ``settings.sources``
reads them, ``settings.edit`` changes them.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic.fields import FieldInfo

from runctl_auto.agent.notices.notice_contract import EVENTS, NoticeEvent, NoticeFormat
from runctl_auto.settings.addresses import checked_url, refuse_plain_requests
from runctl_auto.settings.named_budgets import FORM, parse_named_budget

SettingPath = tuple[str, ...]
"""``("engine", "parallel")`` for the setting ``engine.parallel``."""

CONFIRMED: tuple[SettingPath, ...] = (
    ("aws", "endpoint_url"),
    ("aws", "profile"),
    ("engine", "path"),
    ("engine", "backend"),
    ("engine", "passphrase_file"),
    ("engine", "secrets_provider"),
    ("notify", "webhook"),
    ("notify", "command"),
    ("sessions", "log_bucket"),
    ("monitoring", "trace_file"),
)
"""Settings that decide who gets the caller's credentials and secrets, who is told of jobs, or what runs here:
from a project's file they are taken only when the person's own file or environment confirms them."""

PERSONAL: tuple[SettingPath, ...] = (
    ("confirmed",),
    ("engine", "trusted_programs"),
    ("local", "enabled"),
    ("policies", "base"),
)
"""Settings that are never taken from a project's file."""

_BACKEND_SCHEMES = ("file", "s3", "gs", "azblob", "http", "https")
_NO_OWNER_CHARACTER = re.compile(r"[^\w .:/=+@-]")


def _current_user() -> str:
    try:
        return _NO_OWNER_CHARACTER.sub("-", getpass.getuser())[:128] or "unknown"
    except (KeyError, OSError):
        return "unknown"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AwsSettings(_Section):
    """Access to AWS."""

    enabled: bool = Field(default=True, title="Whether jobs may use AWS", description="true or false")
    profile: str | None = Field(
        default=None,
        min_length=1,
        title="Profile of the AWS configuration whose credentials are used",
        description="a profile's name",
    )
    endpoint_url: str | None = Field(
        default=None,
        title="Another address of AWS's services, such as a proxy's; http:// on this machine only",
        description="a URL that begins with https:// or http://",
    )

    permissions_boundary: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9_+=,.@/-]+$",
        title="Policy that bounds what a job's machine may do, whatever its role says",
        description="the ARN of an IAM policy",
    )
    end_schedule: bool = Field(
        default=False,
        title="Whether a one-time EventBridge schedule ends each machine, after max_duration and all else",
        description="true or false",
    )

    @field_validator("endpoint_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        return checked_url(value, ("http", "https"))


class RunpodSettings(_Section):
    """Jobs on RunPod."""

    enabled: bool = Field(default=False, title="Whether jobs may use RunPod", description="true or false")


class LocalSettings(_Section):
    """Jobs on the local machine."""

    enabled: bool = Field(
        default=False,
        title="Whether a job file may choose this machine; `up --provider local` needs no leave",
        description="true or false; not from a project's file",
    )
    gpus: int | None = Field(
        default=None,
        ge=0,
        le=64,
        title="How many GPUs of this machine jobs may have; default: those that nvidia-smi lists",
        description="a whole number from 0 to 64",
    )
    cpus: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        title="How many CPUs of this machine jobs may have together; default: all",
        description="a whole number from 1 to 4096",
    )
    memory_gb: int | None = Field(
        default=None,
        ge=1,
        le=65536,
        title="How many GB of this machine's memory jobs may have together; default: all",
        description="a whole number from 1 to 65536",
    )


class CheckpointSettings(_Section):
    """Where downloaded artifacts are stored, relative to the project folder."""

    directory: Path = Field(
        default=Path("runs"),
        title="Folder of what is brought home: a folder for each job and run",
        description="a writable folder, relative to the project folder, that does not hold it",
    )


class EngineSettings(_Section):
    """Which Pulumi engine is used, and where it stores state."""

    path: str | None = Field(
        default=None,
        min_length=1,
        title="Which Pulumi engine is used",
        description="an executable named pulumi, or the folder above its bin; default: a compatible one on "
        "PATH, else the one that `runctl setup` installed",
    )
    backend: str | None = Field(
        default=None,
        title="Where stacks are kept",
        description="a URL that begins with " + ", ".join(f"{each}://" for each in _BACKEND_SCHEMES),
    )
    passphrase_file: Path | None = Field(
        default=None,
        title="File with the passphrase of the stacks' secrets",
        description="a path, relative to the project folder",
    )
    secrets_provider: str = Field(
        default="passphrase",
        min_length=1,
        title="What encrypts the stacks' secrets",
        description="passphrase, or a key's address as Pulumi writes them",
    )
    trusted_programs: tuple[Path, ...] = Field(
        default=(),
        title="Programs that may run in place of runctl's own, as a project's Pulumi.yaml names them",
        description="absolute paths of folders; not from a project's file",
    )
    parallel: int = Field(
        default=16,
        ge=1,
        le=256,
        title="How many resources are worked on at once",
        description="a whole number from 1 to 256",
    )

    @field_validator("backend")
    @classmethod
    def _is_backend(cls, value: str | None) -> str | None:
        return checked_url(value, _BACKEND_SCHEMES)

    @field_validator("trusted_programs")
    @classmethod
    def _are_places(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(_one_place(each) for each in value)

    @field_validator("secrets_provider")
    @classmethod
    def _is_reached_safely(cls, value: str) -> str:
        refuse_plain_requests(value)
        return value


class CostSettings(_Section):
    """Budgets in USD for each calendar month in UTC, over all jobs of the backend."""

    monthly: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        title="Budget of the project for a month; told in plans from 50 % on",
        description="USD, above 0",
    )
    monthly_owner: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        title="Budget of each owner for a month; told in plans from 50 % on",
        description="USD, above 0",
    )
    budgets: tuple[str, ...] = Field(
        default=(),
        title="Budgets for a month by name; one for an owner or project replaces the general one",
        description=f"a list of {FORM}",
    )
    enforce: bool = Field(
        default=False,
        title="Whether `up` rents no machine once a budget is spent",
        description="true or false",
    )

    @field_validator("budgets")
    @classmethod
    def _are_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            parse_named_budget(each)
        return value

    @property
    def has_budgets(self) -> bool:
        """Whether any budget is set."""
        return self.monthly is not None or self.monthly_owner is not None or bool(self.budgets)


class NotifySettings(_Section):
    """Who is told of jobs whose file does not say, of monthly budgets, and what runs here for a notice."""

    webhook: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        title="Variable of your environment with the webhook's address, a secret",
        description="the name of an environment variable",
    )
    format: NoticeFormat = Field(
        default="auto",
        title="Shape of what is posted; auto: Slack's for its own hosts, else plain JSON",
        description="auto, slack or json",
    )
    command: str | None = Field(
        default=None,
        min_length=1,
        title="What runs on this machine when `up`, `watch` or `reap` tell something",
        description="a shell command, which gets the notice as JSON on its input",
    )
    on: tuple[NoticeEvent, ...] = Field(
        default=EVENTS,
        min_length=1,
        title="What is told",
        description="a list of " + ", ".join(EVENTS),
    )

    @property
    def is_set(self) -> bool:
        """Whether anybody is told."""
        return self.webhook is not None or self.command is not None


class MonitoringSettings(_Section):
    """What is recorded of commands and runs."""

    trace_file: Path | None = Field(
        default=None,
        title="Where traces are written, for those without a collector; off unless set",
        description="a file that is appended to, or a folder that gets a file for each trace, relative to "
        "the project folder",
    )


_ProtectedId = Annotated[
    str, StringConstraints(pattern=r"^(vol-[0-9a-f]{8,17}|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$")
]


class PolicySettings(_Section):
    """Which policies evaluate a change, and which resources are protected by id whatever a job file says.

    ``file`` sets the enforcement level of each rule and what the project allows, relative to the project
    folder, as far as ``base`` allows; ``allow_skip`` permits ``--no-policy``. ``protected`` contains ids of
    volumes (``vol-...``) and names of buckets.
    """

    allow_skip: bool = Field(
        default=False, title="Whether --no-policy is permitted", description="true or false"
    )
    file: Path = Field(
        default=Path("policies.yaml"),
        title="How strictly each rule is held, and what the project allows",
        description="a file, relative to the project folder; it need not exist",
    )
    base: Path | None = Field(
        default=None,
        title="What policies.yaml of the project may tighten and not loosen",
        description="absolute path of another checkout of the project, or of a file such as policies.yaml; "
        "not from a project's file",
    )
    protected: tuple[_ProtectedId, ...] = Field(
        default=(),
        title="What is never deleted, whatever a job says",
        description="ids of volumes (vol-...) and names of buckets",
    )

    @field_validator("base")
    @classmethod
    def _is_a_place(cls, value: Path | None) -> Path | None:
        return None if value is None else _one_place(value)


class SessionSettings(_Section):
    """Who may reach the machines of jobs by `exec`, `shell` and `forward`, and where that is logged."""

    protected: Literal["allow", "forbid"] = Field(
        default="allow",
        title="Whether sessions are opened with machines of jobs that have something protected",
        description="allow or forbid",
    )
    log_group: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_/.#-]{1,512}$",
        title="Log group of CloudWatch Logs that is told who opened which session; it must exist",
        description="a log group's name, in the job's region",
    )
    log_bucket: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_/.=-]{0,200})?$",
        title="Bucket that is told who opened which session; it must exist",
        description="BUCKET or BUCKET/PREFIX",
    )


class Settings(_Section):
    """All settings, complete and valid."""

    owner: str = Field(
        default_factory=_current_user,
        min_length=1,
        max_length=128,
        title="Whose jobs these are; the tag runctl:owner",
        description="at most 128 letters, digits, blanks and . : / = + @ - _",
    )
    sandbox: bool = Field(
        default=False, title="Work in the sandbox, not in a real cloud", description="true or false"
    )
    max_parallel_jobs: int = Field(
        default=10,
        ge=1,
        le=100,
        title="How many jobs may run at once",
        description="a whole number from 1 to 100",
    )
    confirmed: tuple[str, ...] = Field(
        default=(),
        title="Values that a project's file may set because you confirmed them: `runctl config confirm`",
        description=f"KEY=VALUE, where KEY is {', '.join('.'.join(path) for path in CONFIRMED)}; not from a "
        "project's file",
    )
    aws: AwsSettings = AwsSettings()
    runpod: RunpodSettings = RunpodSettings()
    local: LocalSettings = LocalSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    engine: EngineSettings = EngineSettings()
    policies: PolicySettings = PolicySettings()
    cost: CostSettings = CostSettings()
    notify: NotifySettings = NotifySettings()
    sessions: SessionSettings = SessionSettings()
    monitoring: MonitoringSettings = MonitoringSettings()

    @field_validator("confirmed")
    @classmethod
    def _can_be_confirmed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        keys = {".".join(path) for path in CONFIRMED}
        for each in value:
            key, equals, text = each.partition("=")
            if key not in keys or not equals or not text:
                raise ValueError("is no KEY=VALUE that can be confirmed")
        return value

    @field_validator("owner")
    @classmethod
    def _can_be_a_tag(cls, value: str) -> str:
        if _NO_OWNER_CHARACTER.search(value) or not value.strip():
            raise ValueError("cannot be the value of a tag")
        return value

    @model_validator(mode="after")
    def _has_a_provider(self) -> Settings:
        if not (self.aws.enabled or self.runpod.enabled or self.local.enabled):
            raise ValueError("at least one provider must be enabled (aws, runpod or local)")
        return self


def _one_place(path: Path) -> Path:
    """``path`` when it means the same in every project. Raises ValueError."""
    if not (path.is_absolute() or path.parts[:1] == ("~",)):
        raise ValueError("must be absolute: a relative path is another place in another project")
    return path


def setting_fields(section: type[BaseModel] = Settings) -> Iterator[tuple[SettingPath, FieldInfo]]:
    """Every setting with its path, sections in the order of the model."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (((name, *path), inner) for path, inner in setting_fields(kind))
        else:
            yield (name,), field


def setting_value(settings: Settings, path: SettingPath) -> object:
    """The value of the setting at ``path``, which must exist."""
    value: object = settings
    for name in path:
        value = getattr(value, name)
    return value
