"""The configuration of the stack ``digits``, as what reads it gets it."""

from __future__ import annotations

from dataclasses import replace

from components.naming import Names
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.run.identity import RunIdentity
from runctl_auto.stack.config import GroupChoice, Placement, Protection, StackConfig

ACCOUNT = "123456789012"
NAMES = Names(account=ACCOUNT, region="eu-west-1", project="runctl", job="digits")
BEGAN = 4_000_000_000


def digits_config() -> StackConfig:
    """Of a spot machine with a volume."""
    job = {
        "name": "digits",
        "region": "eu-west-1",
        "setup": "make",
        "run": "python train.py",
        "env": {"SEED": "1"},
        "max_duration": "1h",
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "volumes": [{"name": "data", "size": "1GB", "mount": "/data", "protect": True}],
        "checkpoints": {"path": "ck", "every": "10s", "keep": 2},
        "artifacts": {"paths": ["model/"]},
        "tags": {"team": "nlp"},
    }
    return StackConfig(
        job=JobSpec.model_validate(job),
        run=RunIdentity("abc", 2, "first", "code-hash", "agent-hash"),
        placement=Placement(
            account=ACCOUNT,
            partition="aws",
            region="eu-west-1",
            zone="eu-west-1b",
            vpc="vpc-1",
            subnet="subnet-1",
            image="ami-1",
            instance_type="m5.large",
            market="spot",
            price_hour=0.05,
            max_price=0.09,
        ),
        owner="ada",
        protection=Protection(volumes={"data": True}),
    )


def digits_in_a_group() -> StackConfig:
    """The same where the cloud itself replaces the machine, since ``BEGAN``."""
    config = digits_config()
    choice = GroupChoice(
        prices={"m5.large": 0.05, "m5.xlarge": 0.1},
        subnets=("subnet-1", "subnet-2"),
        root_device="/dev/xvda",
        began_at=BEGAN,
    )
    return replace(config, job=config.job.model_copy(update={"recovery": "cloud"}), group=choice)
