"""A training environment with volumes and tags, as tests of its components declare it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from support.declared import Declarations, declarations_of

from components.environment import Limits, VolumeRequest
from components.naming import Names
from components.run_objects import PackageFile
from components.tags import identity_tags
from components.training_environment import (
    MachineRequest,
    TrainingEnvironment,
    TrainingEnvironmentArgs,
)

NAMES = Names(account="123456789012", region="eu-west-1", project="runctl", job="digits")
IDENTITY = identity_tags(project="runctl", job="digits", stack="digits", owner="ada")


def environment_args(folder: Path) -> TrainingEnvironmentArgs:
    for name in ("code", "agent"):
        (folder / name).write_bytes(b"content")
    return TrainingEnvironmentArgs(
        names=NAMES,
        partition="aws",
        zone="eu-west-1b",
        vpc="vpc-1",
        run="abc123",
        lineage="line",
        run_spec={"schema": 1, "command": "python train.py"},
        spec_key="runs/abc123/spec.json",
        code=PackageFile(key="code/c.tar.gz", path=folder / "code"),
        agent=PackageFile(key="agent/a.pyz", path=folder / "agent"),
        machine=MachineRequest(
            image="ami-1",
            instance_type="g5.xlarge",
            market="spot",
            max_price=0.6,
            subnet="subnet-1",
            disk_gb=80,
            user_data="#!/bin/bash\n",
        ),
        identity=IDENTITY,
        volumes=[
            VolumeRequest(name="data", size_gb=100, mount="/data"),
            VolumeRequest(name="cache", size_gb=10, mount="/cache"),
        ],
        tags={"team": "nlp", "runctl:protected": "true"},
        limits=Limits(price_hour=0.5, max_price=0.6, budget=20.0, max_duration_seconds=3600),
        candidate_types=["g5.xlarge", "g4dn.xlarge"],
    )


def declared(args: TrainingEnvironmentArgs) -> Declarations:
    return declarations_of(lambda: TrainingEnvironment("digits", args) and None)


def with_machine(args: TrainingEnvironmentArgs, **changes: Any) -> TrainingEnvironmentArgs:
    assert args.machine is not None
    return replace(args, machine=replace(args.machine, **changes))
