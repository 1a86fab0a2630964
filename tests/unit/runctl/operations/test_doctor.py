"""``doctor``: each thing that may be missing is found, with its fix, and nothing is raised."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from runctl_auto.engine.choice import Engine
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.errors import (
    CredentialsError,
    EngineError,
    EngineNotFoundError,
    RunctlError,
    SettingsError,
)
from runctl_auto.local.project import ProjectFolders
from runctl_auto.operations import doctor
from runctl_auto.operations.doctor import Finding, Practice, examine
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.contract import CallerIdentity
from runctl_auto.settings.schema import Settings

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
NOW = datetime(2026, 1, 1, 0, 0, 30, tzinfo=timezone.utc)


def refusal(code: str, operation: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, operation
    )


@dataclass
class Aws:
    """All services in one: what fails is given by operation."""

    failing: Mapping[str, Exception] = field(default_factory=dict)
    quota: float = 32.0
    quotas: Mapping[str, float] = field(default_factory=dict)

    def _or_fail(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        if operation in self.failing:
            raise self.failing[operation]
        return answer

    def get_caller_identity(self) -> Any:
        headers = {"HTTPHeaders": {"date": DATE}}
        return self._or_fail(
            "GetCallerIdentity", {"Account": "1", "Arn": "arn:me", "ResponseMetadata": headers}
        )

    def describe_availability_zones(self) -> Any:
        return self._or_fail(
            "DescribeAvailabilityZones", {"AvailabilityZones": [{"ZoneName": "a"}, {"ZoneName": "b"}]}
        )

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> Any:
        return self._or_fail("GetServiceQuota", {"Quota": {"Value": self.quotas.get(QuotaCode, self.quota)}})


ENGINE = Engine(Path("/engine"), "v3.274.1", "first compatible pulumi on PATH")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for name in [each for each in os.environ if each.startswith(("AWS_", "PULUMI_", "RUNCTL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    plugin = doctor._version("pulumi_aws")
    (tmp_path / "pulumi" / "plugins" / f"resource-aws-v{plugin}").mkdir(parents=True)
    return ENGINE


def found(tmp_path: Path, aws: Aws | None = None, **how: Any) -> dict[str, Finding]:
    return {each.subject: each for each in findings(tmp_path, aws, **how)}


def findings(
    tmp_path: Path,
    aws: Aws | None = None,
    *,
    now: datetime = NOW,
    no_engine: RunctlError | None = None,
    no_jobs: RunctlError | None = None,
    environ: Mapping[str, str] | None = None,
    engine_caller: CallerIdentity | RunctlError = CallerIdentity("1", "arn:me"),  # noqa: B008 (frozen)
    **settings: Any,
) -> list[Finding]:
    folder = tmp_path / "project"
    folder.mkdir(exist_ok=True)
    client = aws or Aws()

    def load() -> Settings:
        return Settings(owner="ann", **settings)

    def choose(setting: str | None, environ: Mapping[str, str]) -> Engine:
        if no_engine is not None:
            raise no_engine
        return ENGINE

    driver = create_autospec(Driver, instance=True)
    driver.jobs.return_value = (JobSummary("digits", 1, None, busy=False),)
    driver.jobs.side_effect = no_jobs

    def caller_of_engine(endpoint: str | None, region: str | None) -> CallerIdentity:
        if isinstance(engine_caller, RunctlError):
            raise engine_caller
        return engine_caller

    practice = Practice(
        ProjectFolders(folder),
        environ or {},
        settings.pop("load", load),
        lambda endpoint, region: AwsProvider(Cloud(lambda service, _: client, str(region))),
        caller_of_engine,
        print,
        region="us-east-1",
        now=lambda: now,
        choose_engine=choose,
        driver=lambda place, folders: driver,
    )
    return list(examine(practice))


def test_where_all_is_there_nothing_is_a_problem(engine: Engine, tmp_path: Path) -> None:
    told = found(tmp_path)
    assert {each.verdict for each in told.values()} <= {"ok", "note"}
    assert list(told) == [
        "installed",
        "settings",
        "project",
        "engine",
        "backend",
        "secrets",
        "sandbox",
        "credentials",
        "region",
        "quotas",
    ]
    assert "first compatible pulumi on PATH" in told["engine"].what
    assert "1 jobs" in told["backend"].what
    assert "Back up" in (told["secrets"].fix or "")
    assert told["quotas"].what.startswith("32 standard spot vCPUs")


def test_wrong_settings_end_the_examination(engine: Engine, tmp_path: Path) -> None:
    def refuse() -> Settings:
        raise SettingsError("The settings are wrong.", next_step="Correct them.")

    told = found(tmp_path, load=refuse)
    assert list(told) == ["installed", "settings"]
    assert (told["settings"].verdict, told["settings"].fix) == ("problem", "Correct them.")


def test_without_an_engine_the_credentials_are_looked_at_all_the_same(engine: Engine, tmp_path: Path) -> None:
    none = EngineNotFoundError("There is no compatible `pulumi`.", next_step="Run `runctl setup`.")
    told = found(tmp_path, no_engine=none)
    assert told["engine"] == Finding(
        "engine", "problem", "There is no compatible `pulumi`.", "Run `runctl setup`."
    )
    assert "backend" not in told
    assert told["credentials"].verdict == "ok"


def test_a_missing_plugin_is_noted(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "elsewhere"))
    told = found(tmp_path)["engine"]
    assert (told.verdict, told.fix) == ("note", "runctl setup")


def test_a_backend_that_does_not_answer(engine: Engine, tmp_path: Path) -> None:
    told = found(tmp_path, no_jobs=EngineError("no such bucket", next_step="Make it."))["backend"]
    assert told.verdict == "problem"
    assert told.what.endswith("no such bucket")
    assert told.fix == "Make it."


def test_folders_that_others_may_read(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "project" / ".runctl").mkdir(parents=True, mode=0o755)
    (tmp_path / "project" / ".runctl").chmod(0o755)
    passphrase = tmp_path / "project" / ".runctl" / "passphrase"
    passphrase.write_text("x")
    passphrase.chmod(0o644)
    told = found(tmp_path)
    assert (told["project"].verdict, told["secrets"].verdict) == ("problem", "problem")
    assert f"chmod 600 {passphrase}" in (told["secrets"].fix or "")


def test_missing_credentials_end_the_look_at_the_cloud(engine: Engine, tmp_path: Path) -> None:
    told = found(tmp_path, Aws({"GetCallerIdentity": NoCredentialsError()}))
    assert told["credentials"].verdict == "problem"
    assert "--sandbox" in (told["credentials"].fix or "")
    assert "region" not in told


def credentials(tmp_path: Path, **how: Any) -> list[tuple[str, str]]:
    return [(each.verdict, each.what) for each in findings(tmp_path, **how) if each.subject == "credentials"]


def test_who_one_is_for_each(engine: Engine, tmp_path: Path) -> None:
    assert credentials(tmp_path) == [
        ("ok", "runctl: account 1, arn:me, found by the AWS SDK"),
        ("ok", "engine: needs none, its backend and its key are not on AWS"),
        ("ok", "provider: account 1, arn:me"),
    ]
    shared = {"backend": "s3://team/state", "secrets_provider": "awskms://alias/runctl"}
    assert credentials(tmp_path, engine=shared)[1] == (
        "ok",
        "engine: account 1, arn:me, for s3://team/state and awskms://alias/runctl",
    )


def test_key_variables_beside_a_profile_are_ignored_and_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {
        "AWS_PROFILE": "work",
        "AWS_ACCESS_KEY_ID": "AKIAOTHER",
        "AWS_SECRET_ACCESS_KEY": "other",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for no_engine in (None, EngineNotFoundError("none")):
        told = credentials(tmp_path, environ=environ, no_engine=no_engine)
        assert told[:2] == [
            ("ok", "runctl: account 1, arn:me, profile 'work'"),
            (
                "note",
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: set, and ignored, "
                "since the profile 'work' is used",
            ),
        ]
        assert "AWS_ACCESS_KEY_ID" not in os.environ
        assert os.environ["AWS_PROFILE"] == "work"


@pytest.mark.parametrize(
    ("caller", "what"),
    [
        (CallerIdentity("2", "arn:you"), "provider: account 2, arn:you; that is not runctl's"),
        (CredentialsError("There are no credentials."), "provider: There are no credentials."),
    ],
    ids=["another", "none"],
)
def test_a_provider_with_another_identity_is_a_problem(
    engine: Engine, tmp_path: Path, caller: Any, what: str
) -> None:
    assert credentials(tmp_path, engine_caller=caller)[-1] == ("problem", what)


def test_a_region_that_may_not_be_used(engine: Engine, tmp_path: Path) -> None:
    told = found(tmp_path, Aws({"DescribeAvailabilityZones": refusal("UnauthorizedOperation", "D")}))
    assert told["region"].verdict == "problem"
    assert told["region"].what.startswith("us-east-1: ")


@pytest.mark.parametrize(
    ("aws", "verdict", "fix"),
    [
        (Aws({"GetServiceQuota": refusal("AccessDeniedException", "G")}), "note", "servicequotas:Get"),
        (Aws(quota=0.0), "problem", "/servicequotas/"),
        (Aws(quota=8.0), "ok", ""),
    ],
    ids=["denied", "zero", "some"],
)
def test_quotas(engine: Engine, tmp_path: Path, aws: Aws, verdict: str, fix: str) -> None:
    told = found(tmp_path, aws)["quotas"]
    assert told.verdict == verdict
    assert fix in (told.fix or "")


def test_each_quota_of_0_is_a_problem_with_its_link(engine: Engine, tmp_path: Path) -> None:
    none = {"L-417A185B": 0.0, "L-7212CCBC": 0.0}
    told = [each for each in findings(tmp_path, Aws(quotas=none)) if each.subject == "quotas"]
    assert [each.verdict for each in told] == ["ok", "problem", "problem"]
    usable, spot, on_demand = told
    assert "32 P5 spot vCPUs" in usable.what
    assert "P on-demand" not in usable.what
    assert spot.what.startswith("0 P2, P3 and P4 spot vCPUs in us-east-1")
    assert "/ec2/quotas/L-7212CCBC?region=us-east-1" in str(spot.fix)
    assert "/ec2/quotas/L-417A185B?region=us-east-1" in str(on_demand.fix)


def test_a_clock_that_is_off_is_a_problem(engine: Engine, tmp_path: Path) -> None:
    assert "clock" not in found(tmp_path)
    told = found(tmp_path, now=datetime(2026, 1, 1, 0, 10, tzinfo=timezone.utc))["clock"]
    assert told.verdict == "problem"
    assert "600 s" in told.what
