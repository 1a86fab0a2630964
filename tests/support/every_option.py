"""The resources that a job with every option declares, and those of volumes and snapshots of their own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from support.declared import declarations_of

from components.data_volume import DataVolume, DataVolumeArgs
from components.environment import Limits, VolumeRequest
from components.naming import Names
from components.run_objects import PackageFile
from components.tags import identity_tags
from components.training_environment import (
    GroupRequest,
    MachineRequest,
    NodeRequest,
    TrainingEnvironment,
    TrainingEnvironmentArgs,
)
from components.volume_snapshot import SnapshotCopySource, VolumeSnapshot, VolumeSnapshotArgs

ACCOUNT, REGION = "123456789012", "eu-west-1"
_GROUP = GroupRequest(
    name="runctl-full-group-00000000",
    instance_types=["t3.micro", "t3.small"],
    subnets=["subnet-1", "subnet-2"],
    root_device="/dev/xvda",
    ends_at=1_900_000_000,
)
_SCRIPT = "#!/bin/bash\n"


@cache
def declared() -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Type and inputs of all resources that a job with every option declares: spot and on-demand, a single
    machine, one in a group and several close to each other; and of those of volumes and snapshots with stacks
    of their own.
    """
    found = []
    forms = [(market, group, 1) for market in ("spot", "on-demand") for group in (None, _GROUP)]
    for market, group, nodes in (*forms, ("spot", None, 2)):
        machine = MachineRequest(
            image="ami-1",
            instance_type="t3.micro",
            market=market,  # type: ignore[arg-type]
            max_price=0.1,
            subnet="subnet-1",
            disk_gb=10,
            user_data=_SCRIPT,
            end_after_seconds=3600,
            group=group,
            nodes=[NodeRequest(user_data=_SCRIPT, market="spot")] * nodes if nodes > 1 else (),
            cluster=nodes > 1,
        )
        args = TrainingEnvironmentArgs(
            names=Names(account=ACCOUNT, region=REGION, project="runctl", job="full"),
            partition="aws",
            zone="eu-west-1a",
            vpc="vpc-1",
            run="abc",
            lineage="line",
            run_spec={"schema": 1},
            spec_key="runs/abc/spec.json",
            code=PackageFile(key="code/c.tar.gz", path=Path(__file__)),
            agent=PackageFile(key="agent/a.pyz", path=Path(__file__)),
            machine=machine,
            identity=identity_tags(project="runctl", job="full", stack="full", owner="ada"),
            limits=Limits(nodes=nodes),
            volumes=[]
            if nodes > 1
            else [
                VolumeRequest(name="new", size_gb=10, mount="/new"),
                VolumeRequest(name="restored", size_gb=10, mount="/restored", snapshot="snap-1"),
                VolumeRequest(name="old", id="vol-1", mount="/old"),
            ],
            secrets={"TOKEN": "value"},
            data=["s3://elsewhere/data"],
            permissions_boundary="arn:aws:iam::123456789012:policy/bound",
            tags={"team": "nlp"},
        )
        made = declarations_of(lambda args=args: TrainingEnvironment("full", args) and None)  # type: ignore[misc]
        found += [(each.type, each.inputs) for each in made.resources if not each.type.startswith("runctl:")]
    made = declarations_of(_storage)
    found += [(each.type, each.inputs) for each in made.resources if not each.type.startswith("runctl:")]
    return tuple(found)


def _storage() -> None:
    DataVolume(
        "data",
        DataVolumeArgs(
            label="data",
            zone="eu-west-1a",
            size_gb=10,
            snapshot="snap-1",
            initialization_rate=200,
            iops=4000,
            throughput=250,
            protect=True,
            tags={"team": "nlp"},
        ),
    )
    VolumeSnapshot("base", VolumeSnapshotArgs(label="base", source="vol-1", tags={"team": "nlp"}))
    copied = SnapshotCopySource(snapshot="snap-1", region="us-east-1")
    VolumeSnapshot("copy", VolumeSnapshotArgs(label="copy", source=copied, tags={"team": "nlp"}))
