"""Program and agent understand each other: spec, configuration, phases."""

from __future__ import annotations

import json
from dataclasses import replace

from support.digits_configs import NAMES, digits_config

from components.tags import FAILED_BOOT
from runctl_auto.agent.machine.own_group import FAILED_BOOT_TAG
from runctl_auto.agent.spec import DataSpec, SecretSpec, VolumeSpec, parse_spec
from runctl_auto.agent.start.config import parse_config
from runctl_auto.agent.start.install import with_deadline
from runctl_auto.job_file.load import JobSpec
from runctl_auto.stack.boot_config import group_name, user_data_config
from runctl_auto.stack.cloud_run_spec import run_spec
from runctl_auto.stack.config import GroupChoice, Protection, StackConfig


def stack_config(**job: object) -> StackConfig:
    least = {
        "name": "digits",
        "region": "eu-west-1",
        "run": "python train.py",
        "resources": {"instance_types": ["m5.large"]},
    }
    digits = digits_config()
    return replace(
        digits,
        job=JobSpec.model_validate({**least, **job}),
        placement=replace(digits.placement, max_price=None),
        protection=Protection(),
    )


def test_the_agent_understands_the_programs_spec() -> None:
    config = stack_config(
        setup="make",
        env={"SEED": "1"},
        max_duration="1h",
        checkpoints={"path": "ck", "every": "10s", "keep": 2},
        artifacts={"paths": ["model/"]},
        secrets=["HF_TOKEN"],
        data=[{"source": "s3://sets/digits/", "path": "data/"}],
    )
    volumes = [{"name": "data", "id": "vol-1", "mount": "/data"}]
    spec = parse_spec(json.dumps({**run_spec(config), "volumes": volumes}).encode())
    assert (spec.job, spec.run, spec.attempt, spec.lineage) == ("digits", "abc", 2, "first")
    assert (spec.setup, spec.command, dict(spec.env)) == ("make", "python train.py", {"SEED": "1"})
    assert (spec.code_key, spec.code_sha256) == ("code/code-hash.tar.gz", "code-hash")
    assert spec.volumes == (VolumeSpec("data", "vol-1", "/data"),)
    assert (spec.checkpoints.path, spec.checkpoints.every_seconds, spec.checkpoints.keep) == ("ck", 10, 2)
    assert (spec.artifacts, spec.max_duration_seconds) == (("model",), 3600)
    assert spec.secrets == (SecretSpec("HF_TOKEN", "/runctl/digits/HF_TOKEN"),)
    assert spec.data == (DataSpec("sets", "digits", "data"),)


def test_the_agent_understands_the_least_spec() -> None:
    spec = parse_spec(json.dumps({**run_spec(stack_config()), "volumes": []}).encode())
    assert (spec.setup, spec.max_duration_seconds, spec.artifacts) == (None, None, ())


def test_the_agent_understands_the_programs_user_data() -> None:
    for job in ({}, {"max_duration": "1h"}):
        data = {**user_data_config(stack_config(**job), NAMES), "booted_at": 10.0}
        config = parse_config(with_deadline(data))
        assert (config.run, config.bucket, config.account) == ("abc", NAMES.bucket(), "123456789012")
        assert config.status_key == "runs/abc/status.json"
        assert (config.deadline_at is not None) == bool(job)


def test_the_agent_understands_the_user_data_and_the_spec_of_a_group() -> None:
    group = GroupChoice(
        prices={"m5.large": 0.05}, subnets=("subnet-1",), root_device="/dev/xvda", began_at=1_000
    )
    single = stack_config(recovery="cloud", max_duration="1h")
    stack = replace(single, group=group)
    config = parse_config(with_deadline({**user_data_config(stack, NAMES), "booted_at": 10.0}))
    assert config.group == group_name(stack, NAMES)
    assert config.deadline_at == 10 + 4200
    late = parse_config(with_deadline({**user_data_config(stack, NAMES), "booted_at": 5_000.0}))
    assert late.deadline_at == stack.ends_at == 1_000 + 3600 + 1200, "the run's end, not the machine's"
    volumes = [{"name": "data", "id": "vol-1", "mount": "/data", "device": "/dev/sdf"}]
    spec = parse_spec(json.dumps({**run_spec(stack), "volumes": volumes}).encode())
    assert spec.volumes == (VolumeSpec("data", "vol-1", "/data", "/dev/sdf"),)


def test_both_sides_know_the_tag_of_a_failed_boot() -> None:
    assert FAILED_BOOT_TAG == FAILED_BOOT
