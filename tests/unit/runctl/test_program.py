"""The program: from configuration and the run's status to what is declared and exported."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from botocore.exceptions import ClientError
from support.declared import Declarations, declarations_of
from support.digits_configs import ACCOUNT, NAMES, digits_config, digits_in_a_group

from components.naming import Names
from runctl_auto.agent.spec import verified_spec
from runctl_auto.errors import AccessDeniedError, ProgramError
from runctl_auto.job_file.storage import DataSource
from runctl_auto.packaging.package import package_path
from runctl_auto.program import declare, packages_folder, read_secrets
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.stack.boot_config import end_after_seconds, group_name, user_data_config
from runctl_auto.stack.cloud_run_spec import run_spec
from runctl_auto.stack.config import Protection, StackConfig

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Bucket:
    """An S3 client that knows the run's phase; None: there is no status yet."""

    def __init__(self, phase: str | None = None, code: str = "NoSuchKey") -> None:
        self.phase = phase
        self.code = code

    def get_object(self, **asked: str) -> dict[str, Any]:
        if self.phase is None:
            raise ClientError({"Error": {"Code": self.code}}, "GetObject")
        assert asked["Key"] == "runs/abc/status.json"
        return {"Body": io.BytesIO(json.dumps({"schema": 1, "phase": self.phase}).encode())}


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for kind in ("code", "agent"):
        path = package_path(tmp_path, kind, f"{kind}-hash")  # type: ignore[arg-type]
        path.write_bytes(b"content")
    with tarfile.open(package_path(tmp_path, "code", "code-hash"), "w:gz"):
        pass
    return tmp_path


@pytest.fixture
def config() -> StackConfig:
    return digits_config()


def run(config: StackConfig, packages: Path, bucket: Bucket, *, backend: str | None = None) -> Declarations:
    cloud = Cloud(lambda service, region: bucket, "eu-west-1", sleep=lambda seconds: None)
    return declarations_of(
        lambda: declare(
            config, project="runctl", stack="digits", backend=backend, cloud=cloud, packages=packages
        )
    )


@pytest.mark.parametrize("phase", [None, "booting", "running", "interrupted"])
def test_a_run_that_has_not_ended_has_a_machine(
    config: StackConfig, packages: Path, phase: str | None
) -> None:
    found = run(config, packages, Bucket(phase))
    assert found.outputs["instanceId"] == "digits-machine-instance-id"


@pytest.mark.parametrize("phase", ["succeeded", "failed", "stopped"])
def test_a_run_that_has_ended_has_none(config: StackConfig, packages: Path, phase: str) -> None:
    found = run(config, packages, Bucket(phase))
    assert "instanceId" not in found.outputs
    assert "digits-machine" not in found.types
    assert "digits-data-volume" in found.types


def test_before_the_bucket_exists_nothing_has_ended(config: StackConfig, packages: Path) -> None:
    assert "digits-machine" in run(config, packages, Bucket(code="NoSuchBucket")).types


def test_a_status_that_cannot_be_read_is_no_reason_to_rent_a_machine(
    config: StackConfig, packages: Path
) -> None:
    with pytest.raises(AccessDeniedError):
        run(config, packages, Bucket(code="AccessDenied"))


def test_the_outputs_are_those_of_the_contract(config: StackConfig, packages: Path) -> None:
    names = Names(account=ACCOUNT, region="eu-west-1", project="runctl", job="digits")
    assert run(config, packages, Bucket()).outputs == {
        "bucket": names.bucket(),
        "instanceId": "digits-machine-instance-id",
        "runId": "abc",
        "region": "eu-west-1",
        "zone": "eu-west-1b",
        "instanceType": "m5.large",
        "market": "spot",
        "volumes": {"data": "digits-data-volume-id"},
    }


def test_the_provider_is_explicit_and_gives_up_on_missing_capacity(
    config: StackConfig, packages: Path
) -> None:
    found = run(config, packages, Bucket())
    (provider,) = found.of_type("pulumi:providers:aws")
    assert provider.inputs["region"] == "eu-west-1"
    assert json.loads(provider.inputs["maxRetries"]) == 3
    assert json.loads(provider.inputs["allowedAccountIds"]) == [ACCOUNT]
    assert json.loads(provider.inputs["defaultTags"]) == {
        "tags": {
            "runctl:project": "runctl",
            "runctl:job": "digits",
            "runctl:stack": "digits",
            "runctl:owner": "ada",
            "runctl:created-by": "runctl",
        }
    }
    of_the_cloud = [each for each in found.resources if each.type.startswith("aws:")]
    assert len(of_the_cloud) == 18
    assert all(each.options["provider"].endswith("::aws::aws-id") for each in of_the_cloud)


def test_the_agent_is_told_what_to_run(config: StackConfig, packages: Path) -> None:
    spec = json.loads(run(config, packages, Bucket()).named("digits-spec").inputs["content"])
    assert spec == {
        "schema": 1,
        "job": "digits",
        "run": "abc",
        "attempt": 2,
        "lineage": "first",
        "node": 0,
        "nodes": 1,
        "setup": "make",
        "command": "python train.py",
        "background": "fail",
        "shell": "bash -e",
        "env": {"SEED": "1"},
        "code": {"key": "code/code-hash.tar.gz", "sha256": "code-hash"},
        "volumes": [{"name": "data", "id": "digits-data-volume-id", "mount": "/data"}],
        "checkpoints": {"path": "ck", "every_seconds": 10, "keep": 2},
        "artifacts": {"paths": ["model/"]},
        "limits": {
            "max_duration_seconds": 3600,
            "idle_duration_seconds": None,
            "budget": None,
            "price_hour": 0.05,
        },
        "retry": {"max_attempts": 1},
        "secrets": [],
        "data": [],
    }


def test_the_spec_in_the_bucket_has_the_digest_in_the_user_data(config: StackConfig, packages: Path) -> None:
    content = run(config, packages, Bucket()).named("digits-spec").inputs["content"]
    assert verified_spec(content.encode(), user_data_config(config, NAMES)["spec_sha256"]).job == "digits"


@pytest.mark.parametrize("source", ["s3://states", "s3://states/", "s3://states/any/prefix"])
@pytest.mark.parametrize("backend", ["s3://states", "s3://states/team?region=eu-west-1"])
def test_no_job_reads_the_states_bucket(
    config: StackConfig, packages: Path, backend: str, source: str
) -> None:
    job = config.job.model_copy(update={"data": (DataSource(source=source, path="data"),)})
    with pytest.raises(ProgramError, match=f"The data source {source} is in the bucket with the state"):
        run(replace(config, job=job), packages, Bucket(), backend=backend)


def test_another_market_is_other_user_data_and_so_another_machine(
    config: StackConfig, packages: Path
) -> None:
    on_demand = replace(config, placement=replace(config.placement, market="on-demand"))
    machines = [
        run(each, packages, Bucket()).named("digits-machine-instance").inputs for each in (config, on_demand)
    ]
    assert machines[0]["userData"] != machines[1]["userData"]
    assert all(each["userDataReplaceOnChange"] is True for each in machines)


def test_the_clouds_schedule_ends_a_machine_after_its_own_deadline_would(
    config: StackConfig, packages: Path
) -> None:
    scheduled = replace(config, end_schedule=True)
    after = end_after_seconds(scheduled)
    deadline = user_data_config(scheduled, NAMES)["deadline_seconds"]
    assert (after, deadline) == (4800, 4200)
    found = run(scheduled, packages, Bucket("running"))
    assert found.named("digits-end-schedule").inputs["scheduleExpression"] == "at(2026-11-22T11:20:00)"


def test_a_machine_is_the_same_with_and_without_a_schedule(config: StackConfig, packages: Path) -> None:
    without, scheduled = (
        run(replace(config, end_schedule=wanted), packages, Bucket()) for wanted in (False, True)
    )
    assert "digits-end" not in without.types
    for each in without.resources:
        assert scheduled.named(each.name).inputs == each.inputs


@pytest.mark.parametrize("phase", ["succeeded", "failed", "stopped"])
def test_a_run_that_has_ended_has_no_schedule(config: StackConfig, packages: Path, phase: str) -> None:
    found = run(replace(config, end_schedule=True), packages, Bucket(phase))
    assert not [name for name in found.types if name.startswith("digits-end")]


def test_protection_in_force_decides_and_not_what_the_job_asks_for(
    config: StackConfig, packages: Path
) -> None:
    not_yet = replace(config, protection=Protection(volumes={"data": False}))
    assert not any(each.protect for each in run(not_yet, packages, Bucket()).resources)
    in_force = run(config, packages, Bucket())
    assert {each.name for each in in_force.resources if each.protect} == {"digits-data", "digits-data-volume"}


@pytest.mark.parametrize(
    ("workspace", "expected"),
    [("project", "project/.runctl/packages"), ("project/.runctl/pulumi", "project/.runctl/packages")],
)
def test_packages_lie_in_the_project_that_the_workspace_belongs_to(
    workspace: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: f"/home/{workspace}")
    assert packages_folder() == Path("/home") / expected


SECRET_KEY = "4dabf18193072939515e22adb298388d"


def with_secrets(config: StackConfig, *names: str) -> StackConfig:
    return replace(config, job=config.job.model_copy(update={"secrets": names}))


def test_a_secret_is_an_encrypted_parameter_and_appears_nowhere_else(
    config: StackConfig, packages: Path
) -> None:
    cloud = Cloud(lambda service, region: Bucket(), "eu-west-1", sleep=lambda seconds: None)
    found = declarations_of(
        lambda: declare(
            with_secrets(config, "HF_TOKEN"),
            project="runctl",
            stack="digits",
            cloud=cloud,
            packages=packages,
            secrets={"HF_TOKEN": "plain-value"},
        )
    )
    parameter = found.named("digits-secrets-HF_TOKEN")
    assert parameter.type == "aws:ssm/parameter:Parameter"
    assert parameter.inputs["name"] == "/runctl/digits/HF_TOKEN"
    assert parameter.inputs["type"] == "SecureString"
    assert parameter.inputs["value"][SECRET_KEY] == "1b47061264138c4ac30d75fd1eb44270"
    others = [each for each in found.resources if each is not parameter]
    assert "plain-value" not in str([(each.inputs, each.options) for each in others])
    assert "digits-secrets-HF_TOKEN" in found.named("digits-machine-instance").dependencies
    told = json.loads(found.named("digits-spec").inputs["content"])["secrets"]
    assert told == [{"name": "HF_TOKEN", "parameter": "/runctl/digits/HF_TOKEN"}]


def secrets_with(
    config: StackConfig, held: object, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What the program reads from a configuration that holds ``held``."""
    seen: dict[str, Any] = {}

    def get_secret(self: pulumi.Config, key: str) -> object:
        assert key == "secrets"
        return None if held is None else pulumi.Output.secret(json.dumps(held))

    monkeypatch.setattr(pulumi.Config, "get_secret", get_secret)

    def program() -> None:
        for name, value in read_secrets(with_secrets(config, *names)).items():
            value.apply(lambda known, name=name: seen.__setitem__(name, known))

    declarations_of(program)
    return seen


def test_secrets_come_from_the_stacks_configuration(
    config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"A": "1", "B": "2", "OLD": "3"}
    assert secrets_with(config, held, ("A", "B"), monkeypatch) == {"A": "1", "B": "2"}
    assert secrets_with(config, None, (), monkeypatch) == {}


def test_a_configuration_without_secrets_is_told(
    config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ProgramError, match="no value for the job's secrets A, B"):
        secrets_with(config, None, ("A", "B"), monkeypatch)
    with pytest.raises(ProgramError, match="secrets B"):
        secrets_with(config, {"A": "1"}, ("A", "B"), monkeypatch)


class TestGroups:
    """The form of a job whose machine the cloud itself replaces."""

    @pytest.fixture
    def grouped(self) -> StackConfig:
        return digits_in_a_group()

    def test_it_is_declared_with_its_end_until_the_run_has_ended(
        self, grouped: StackConfig, packages: Path
    ) -> None:
        found = run(grouped, packages, Bucket("running"))
        name = group_name(grouped, NAMES)
        assert found.outputs["groupName"] == name
        assert "instanceId" not in found.outputs
        assert found.named("digits-machines-group").inputs["name"] == name
        assert found.named("digits-machines-end").inputs["startTime"] == "2096-10-02T08:26:40Z"
        ended = run(grouped, packages, Bucket("succeeded"))
        assert "digits-machines-group" not in ended.types

    def test_past_its_latest_end_there_is_none(self, grouped: StackConfig, packages: Path) -> None:
        """The cloud refuses an end in the past, and has ended the group."""
        assert grouped.group is not None
        past = replace(grouped, group=replace(grouped.group, began_at=1_000_000_000))
        assert "digits-machines-group" not in run(past, packages, Bucket("running")).types

    def test_the_dearest_machine_is_what_limits_and_policies_count_with(
        self, grouped: StackConfig, packages: Path
    ) -> None:
        limits = run_spec(grouped)["limits"]
        assert limits["price_hour"] == 0.1
        assert limits["prices"] == {"m5.large spot": 0.05, "m5.xlarge spot": 0.1}
        environment = run(grouped, packages, Bucket()).named("digits").inputs
        assert environment["priceHour"] == 0.1
        assert environment["instanceTypes"] == ["m5.large", "m5.xlarge"]


def test_parts_of_a_large_work_folder_are_objects_that_outlive_the_run(
    config: StackConfig, packages: Path
) -> None:
    shas = ["a" * 64, "b" * 64]
    listing = json.dumps([{"sha256": each, "bytes": 1} for each in shas]).encode()
    with tarfile.open(package_path(packages, "code", "code-hash"), "w:gz") as archive:
        entry = tarfile.TarInfo(".runctl/parts.json")
        entry.size = len(listing)
        archive.addfile(entry, io.BytesIO(listing))
    for each in shas:
        package_path(packages, "part", each).write_bytes(b"1")
    found = run(config, packages, Bucket())
    for each in shas:
        declared = found.named(f"digits-part-{each[:16]}")
        assert declared.inputs["key"] == f"code/{each}.tar"
        assert "tags" not in declared.inputs, "another run does not touch it"


def test_a_job_that_may_move_is_the_same_for_the_engine_wherever_it_is(
    config: StackConfig, packages: Path
) -> None:
    """Its bucket stays when it moves: the engine knows it by the names that it would have elsewhere."""
    several = config.job.model_copy(update={"providers": ("aws", "runpod"), "volumes": ()})
    here = run(replace(config, job=several), packages, Bucket()).named("digits")
    assert here.type == "runctl:aws:TrainingEnvironment"
    assert "runctl:runpod:TrainingEnvironment" in json.dumps(here.options["aliases"])
    pod = replace(config.placement, provider="runpod", instance_type="nvidia-a40.1", zone="EU-RO-1")
    there = run(replace(config, job=several, placement=pod), packages, Bucket()).named("digits")
    assert there.type == "runctl:runpod:TrainingEnvironment"
    assert "runctl:aws:TrainingEnvironment" in json.dumps(there.options["aliases"])
    assert "aliases" not in run(config, packages, Bucket()).named("digits").options
