"""Identities that live in people's stacks, clouds and scripts: a change here strands what exists."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from pydantic import ValidationError

from components import tags
from components.naming import TEMPLATE_LIMIT, Names
from components.training_environment import DEVICES
from runctl_auto.job_file import spec as job_spec
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.run.identity import run_id
from runctl_auto.stack.config import KEYS, NAMESPACE, SECRETS_KEY

JOB: dict[str, Any] = {
    "name": "digits",
    "region": "us-east-1",
    "run": "python train.py",
    "env": {"SEED": "1"},
}


@pytest.mark.parametrize(
    ("module", "type_token"),
    [
        ("artifact_bucket", "runctl:aws:ArtifactBucket"),
        ("data_volume", "runctl:aws:DataVolume"),
        ("end_schedule", "runctl:aws:EndSchedule"),
        ("iam_profile", "runctl:aws:IamProfile"),
        ("machine_group", "runctl:aws:MachineGroup"),
        ("network_access", "runctl:aws:NetworkAccess"),
        ("secret_parameters", "runctl:aws:SecretParameters"),
        ("spot_instance", "runctl:aws:SpotInstance"),
        ("training_environment", "runctl:aws:TrainingEnvironment"),
        ("volume_snapshot", "runctl:aws:VolumeSnapshot"),
    ],
)
def test_type_tokens(module: str, type_token: str) -> None:
    assert type_token == importlib.import_module(f"components.{module}").TYPE


def test_tags() -> None:
    assert tags.REQUIRED == (
        "runctl:project",
        "runctl:job",
        "runctl:stack",
        "runctl:owner",
        "runctl:created-by",
    )
    assert tags.RUN == "runctl:run"
    assert tags.BACKEND == "runctl:backend"
    assert {"runctl:protected", "runctl:important", "runctl:persistent"} == tags.PROTECTION_TAGS


def test_a_job_may_set_the_tags_that_protect() -> None:
    job = {
        "name": "digits",
        "region": "us-east-1",
        "run": "true",
        "tags": dict.fromkeys(tags.PROTECTION_TAGS, "true"),
    }
    assert set(job_spec.JobSpec.model_validate(job).tags) == tags.PROTECTION_TAGS
    with pytest.raises(ValidationError):
        job_spec.JobSpec.model_validate({**job, "tags": {tags.OWNER: "eve"}})


def test_every_volume_that_a_job_may_have_has_a_device() -> None:
    assert len(DEVICES) >= job_spec.MAX_VOLUMES
    assert DEVICES[0] == "/dev/sdf"


def test_physical_names() -> None:
    names = Names(account="123456789012", region="us-east-1", project="runctl", job="digits")
    assert names.bucket() == "runctl-digits-artifacts-0d6f5616"
    assert names.name("machine", limit=64) == "runctl-digits-machine-0d6f5616"
    assert names.name("machine", limit=TEMPLATE_LIMIT) == "runctl-digits-machine-0d6f5616"


def test_run_ids() -> None:
    assert run_id(JobSpec.model_validate(JOB), "c0de", 1) == "f1d4a2d552"
    assert run_id(JobSpec.model_validate({**JOB, "secrets": ["B", "A"]}), "c0de", 1) == "0c7d284042"


def test_keys_of_the_configuration() -> None:
    decided = ("job", "run", "placement", "owner", "protection", "boundary", "schedule", "rates")
    keys = (
        *decided,
        "group",
        "trail",
        "lost",
        "source",
        "fingerprint",
        "data",
        "notify",
        "trace",
        "container",
    )
    assert NAMESPACE == "runctl"
    assert keys == KEYS
    assert SECRETS_KEY == "secrets"


def test_fields_of_a_job_file() -> None:
    assert list(JobSpec.model_fields) == [
        "name",
        "provider",
        "providers",
        "provider_order",
        "region",
        "image",
        "registry_auth",
        "network",
        "workdir",
        "setup",
        "run",
        "background",
        "shell",
        "env",
        "secrets",
        "resources",
        "zones",
        "spot_policy",
        "max_price",
        "budget",
        "max_duration",
        "idle_duration",
        "retry",
        "recovery",
        "nodes",
        "on_demand_ranks",
        "elastic",
        "volumes",
        "data",
        "checkpoints",
        "artifacts",
        "notify",
        "runpod",
        "tags",
    ]


def test_a_job_as_the_configuration_keeps_it() -> None:
    assert JobSpec.model_validate(JOB).model_dump(mode="json") == {
        "name": "digits",
        "provider": "aws",
        "providers": [],
        "provider_order": "listed",
        "region": "us-east-1",
        "image": "auto",
        "registry_auth": None,
        "network": {"vpc": "default", "subnet": "auto", "placement": None},
        "workdir": ".",
        "setup": None,
        "run": "python train.py",
        "background": "fail",
        "shell": "bash -e",
        "env": {"SEED": "1"},
        "secrets": [],
        "resources": {
            "instance_types": ["m5.large"],
            "gpu": None,
            "cpu": None,
            "memory": None,
            "disk": None,
        },
        "zones": [],
        "spot_policy": "auto",
        "max_price": None,
        "budget": None,
        "max_duration": None,
        "idle_duration": None,
        "retry": None,
        "recovery": None,
        "nodes": 1,
        "on_demand_ranks": [],
        "elastic": None,
        "volumes": [],
        "data": [],
        "checkpoints": {"path": "checkpoints", "every": 60, "keep": 3, "retention": 259200},
        "artifacts": {"paths": [], "keep": False},
        "notify": None,
        "runpod": {"cloud": "secure"},
        "tags": {},
    }
