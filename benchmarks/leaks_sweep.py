"""`runctl leaks` over 5,000 resources and 200 stacks: CPU of runctl, and separately of the emulated cloud."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.command_line import RUNCTL, ask, run

ACCOUNT, REGION = "123456789012", "us-east-1"
STACKS = 200
ORPHANED = 9
"""Jobs whose resources no stack manages."""
VOLUMES, SNAPSHOTS, PARAMETERS = 14, 3, 2
A_JOB = 1 + 1 + 1 + 1 + 1 + VOLUMES + SNAPSHOTS + PARAMETERS
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@dataclass(frozen=True)
class _Thing:
    type: str
    id: str


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    run(folder, [RUNCTL, "--sandbox", "sandbox", "start"])
    try:
        place = ask(folder, "sandbox", "status")
        state = folder / ".runctl" / "sandbox" / "clouds" / place["cloud_id"] / "state"
        made = _fill(place["cloud_url"], state)
        cloud = next(each["pid"] for each in place["processes"] if each["name"] == "cloud")
        costs = [_sweep(folder, cloud) for _ in range(max(rounds, 3))]
        print(
            f"leaks over {made} things and {STACKS} stacks: {median(each[0] for each in costs):.2f} s CPU of "
            f"runctl (bar: 15), {median(each[1] for each in costs):.2f} s CPU of the emulated cloud, "
            f"{median(each[2] for each in costs):.2f} s in all",
            flush=True,
        )
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


def _sweep(folder: Path, cloud: int) -> tuple[float, float, float]:
    """CPU of runctl with its children, CPU of the cloud meanwhile, wall time; verifies the findings."""
    before, cloud_before, began = (
        resource.getrusage(resource.RUSAGE_CHILDREN),
        _cpu(cloud),
        time.perf_counter(),
    )
    done = subprocess.run(
        [RUNCTL, "--sandbox", "--output", "json", "leaks"],
        cwd=folder,
        env={**os.environ, "RUNCTL_OWNER": "ann"},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 5, done.stderr
    found = json.loads(done.stdout)
    assert found["stacks"] == STACKS
    assert found["things"] == (STACKS + ORPHANED) * A_JOB, found["things"]
    assert len(found["orphans"]) == ORPHANED * A_JOB, len(found["orphans"])
    assert [found[each] for each in ("gone", "unchecked", "foreign")] == [[], [], []]
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return own, _cpu(cloud) - cloud_before, wall


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _fill(cloud_url: str, state: Path) -> int:
    """Creates the resources of all jobs and the stacks of those that have one; the number of resources."""
    stacks = state / ".pulumi" / "stacks" / "runctl"
    stacks.mkdir(parents=True, exist_ok=True)
    clients = {service: _client(service, cloud_url) for service in ("ec2", "s3", "iam", "ssm")}
    with ThreadPoolExecutor(4) as pool:
        for job, things in pool.map(lambda job: (job, list(_things(clients, job))), _jobs()):
            if job.startswith("kept"):
                (stacks / f"{job}.json").write_text(json.dumps(_checkpoint(job, things)))
    return (STACKS + ORPHANED) * A_JOB


def _jobs() -> Iterator[str]:
    yield from (f"kept-{number:03}" for number in range(STACKS))
    yield from (f"orphaned-{number:03}" for number in range(ORPHANED))


def _client(service: str, cloud_url: str) -> Any:
    import boto3

    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=cloud_url,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )


def _things(clients: dict[str, Any], job: str) -> Iterator[_Thing]:
    from components.naming import Names

    digest = Names(account=ACCOUNT, region=REGION, project="runctl", job=job).bucket()[-8:]
    pairs = {"runctl:job": job, "runctl:owner": "ann", "runctl:created-by": "runctl"}
    tags = [{"Key": key, "Value": value} for key, value in pairs.items()]
    ec2, s3, iam, ssm = (clients[each] for each in ("ec2", "s3", "iam", "ssm"))

    def of(kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": tags}]

    bucket, machine = f"runctl-{job}-artifacts-{digest}", f"runctl-{job}-machine-{digest}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    yield _Thing("aws:s3/bucket:Bucket", bucket)
    iam.create_role(RoleName=machine, AssumeRolePolicyDocument=_TRUST, Tags=tags)
    yield _Thing("aws:iam/role:Role", machine)
    iam.create_instance_profile(InstanceProfileName=machine, Tags=tags)
    iam.add_role_to_instance_profile(InstanceProfileName=machine, RoleName=machine)
    yield _Thing("aws:iam/instanceProfile:InstanceProfile", machine)
    group = ec2.create_security_group(
        GroupName=f"runctl-{job}-network-{digest}", Description="x", TagSpecifications=of("security-group")
    )
    yield _Thing("aws:ec2/securityGroup:SecurityGroup", group["GroupId"])
    template = ec2.create_launch_template(
        LaunchTemplateName=machine,
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=of("launch-template"),
    )
    yield _Thing("aws:ec2/launchTemplate:LaunchTemplate", template["LaunchTemplate"]["LaunchTemplateId"])
    for number in range(VOLUMES):
        volume = ec2.create_volume(
            AvailabilityZone=f"{REGION}a", Size=1, VolumeType="gp3", TagSpecifications=of("volume")
        )["VolumeId"]
        yield _Thing("aws:ebs/volume:Volume", volume)
        if number < SNAPSHOTS:
            snapshot = ec2.create_snapshot(VolumeId=volume, TagSpecifications=of("snapshot"))["SnapshotId"]
            yield _Thing("aws:ebs/snapshot:Snapshot", snapshot)
    for number in range(PARAMETERS):
        name = f"/runctl/{job}/SECRET_{number}"
        ssm.put_parameter(Name=name, Value="v", Type="String", Tags=tags)
        yield _Thing("aws:ssm/parameter:Parameter", name)


def _checkpoint(job: str, things: list[_Thing]) -> dict[str, Any]:
    def urn(kind: str, name: str) -> str:
        return f"urn:pulumi:{job}::runctl::{kind}::{name}"

    environment = "runctl:aws:TrainingEnvironment"
    arn = f"arn:aws:iam::{ACCOUNT}:role/{job}"
    resources: list[dict[str, Any]] = [
        {"urn": urn(environment, job), "type": environment, "custom": False, "inputs": {"region": REGION}}
    ]
    for number, thing in enumerate(things):
        resources.append(
            {
                "urn": urn(thing.type, f"{job}-{number}"),
                "type": thing.type,
                "id": thing.id,
                "custom": True,
                "outputs": {"arn": arn} if thing.type == "aws:iam/role:Role" else {"filler": "x" * 500},
            }
        )
    latest = {
        "manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""},
        "resources": resources,
    }
    return {"version": 3, "checkpoint": {"stack": urn("", "")[:-2], "latest": latest}}
