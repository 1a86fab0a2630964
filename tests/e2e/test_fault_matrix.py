"""Faults of the cloud while a job is made and while it is deleted: each passes unseen or has the right name,
and after one `down` nothing is left.

What passes when repeated (throttling, 500s, late reads, things still in use) is repeated until it has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.cloud_faults import Fault, faults_left, trouble
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

ALWAYS = 1000


@dataclass(frozen=True)
class Case:
    """Faults in one direction, and how the command ends: exit code and kind of error, both None for well."""

    name: str
    faults: tuple[Fault, ...] = ()
    late_seconds: float = 0.0
    code: int = 0
    kind: str | None = None
    job: Mapping[str, Any] = field(default_factory=dict)
    """More fields of the job file."""

    @property
    def must_be_met(self) -> bool:
        """Whether all faults have to be used up."""
        return all(fault.times < ALWAYS for fault in self.faults)


MAKING = [
    Case("throttling", (Fault("ec2:RunInstances", "RequestLimitExceeded", 2),)),
    Case("throttling-for-ever", (Fault("iam:CreateRole", "Throttling", ALWAYS),), code=1, kind="throttled"),
    Case(
        "500",
        (Fault("s3:CreateBucket", "InternalError", 2), Fault("iam:PutRolePolicy", "InternalFailure", 2)),
    ),
    Case("access-denied", (Fault("iam:CreateRole", "AccessDenied", 1),), code=1, kind="access-denied"),
    Case(
        "no-capacity",
        (Fault("ec2:RunInstances", "InsufficientInstanceCapacity", ALWAYS),),
        code=6,
        kind="no-capacity",
    ),
    Case(
        "price-too-low",
        (Fault("ec2:RunInstances", "SpotMaxPriceTooLow", ALWAYS),),
        code=6,
        kind="no-capacity",
    ),
    Case(
        "subnet-full",
        (Fault("ec2:RunInstances", "InsufficientFreeAddressesInSubnet", ALWAYS),),
        code=6,
        kind="no-capacity",
    ),
    Case("ended-right-after-launch", (Fault("ec2:RunInstances", "Server.InsufficientInstanceCapacity", 1),)),
    Case(
        "ended-right-after-every-launch",
        (Fault("ec2:RunInstances", "Server.InsufficientInstanceCapacity", ALWAYS),),
        code=6,
        kind="no-capacity",
    ),
    Case(
        "interrupted-right-after-launch",
        (Fault("ec2:RunInstances", "Server.SpotInstanceTermination", 1),),
        job={"spot_policy": "spot"},
    ),
    Case(
        "interrupted-right-after-every-launch",
        (Fault("ec2:RunInstances", "Server.SpotInstanceTermination", ALWAYS),),
        job={"spot_policy": "spot"},
        code=6,
        kind="no-capacity",
    ),
    Case(
        "volume-still-in-use",
        (Fault("ec2:AttachVolume", "VolumeInUse", 1),),
        job={"volumes": [{"name": "data", "size": "1GB", "mount": "/data"}]},
    ),
    Case(
        "spot-request-not-seen-yet",
        (Fault("ec2:DescribeSpotInstanceRequests", "InvalidSpotInstanceRequestID.NotFound", 1),),
    ),
    Case(
        "dependency", (Fault("ec2:CreateSecurityGroup", "DependencyViolation", ALWAYS),), code=1, kind="cloud"
    ),
    Case("bucket-not-empty", (Fault("s3:PutBucketPolicy", "BucketNotEmpty", ALWAYS),), code=1, kind="cloud"),
    Case("late-reads", late_seconds=2),
]
DELETING = [
    Case(
        "throttling",
        (
            Fault("ec2:DeleteSecurityGroup", "RequestLimitExceeded", 2),
            Fault("s3:DeleteBucket", "SlowDown", 2),
        ),
    ),
    Case("throttling-for-ever", (Fault("iam:DeleteRole", "Throttling", ALWAYS),), code=1, kind="throttled"),
    Case(
        "500", (Fault("s3:DeleteBucket", "InternalError", 2), Fault("iam:DeleteRole", "InternalFailure", 2))
    ),
    Case("access-denied", (Fault("s3:DeleteBucket", "AccessDenied", ALWAYS),), code=5, kind="leaked"),
    Case("dependency", (Fault("ec2:DeleteSecurityGroup", "DependencyViolation", 3),)),
    Case("bucket-not-empty", (Fault("s3:DeleteBucket", "BucketNotEmpty", 1),)),
    Case("late-reads", late_seconds=2),
]
SAMPLE = "access-denied"


def cases(which: list[Case], sample: str = "") -> list[Any]:
    return [
        pytest.param(each, id=each.name, marks=[] if each.name == sample else [pytest.mark.matrix])
        for each in which
    ]


def job(runctl: Runctl, name: str, more: Mapping[str, Any]) -> str:
    return str(write_job(runctl.folder, name, env={"HOLD_AT": "1"}, zones=["us-east-1a"], **more))


def told(case: Case, ran: Any) -> str:
    """How the command ended, held against what the case wants."""
    assert ran.code == case.code, ran.text
    error = ran.json.get("error")
    assert (error["kind"] if error else None) == case.kind, ran.text
    return f"{error['kind']}, exit {ran.code}: {error['what'][:90]}" if error else "passed unseen"


@pytest.mark.parametrize("case", cases(MAKING, SAMPLE))
def test_while_a_job_is_made(runctl: Runctl, cloud_url: str, ended: list[str], case: Case) -> None:
    name = f"making-{case.name}"[:38]
    ended.append(name)
    with trouble(cloud_url, *case.faults, late_seconds=case.late_seconds):
        made = runctl("--output", "json", "up", job(runctl, name, case.job), "--yes", "--detach", code=None)
        met = not case.must_be_met or faults_left(cloud_url) == 0
    outcome = told(case, made)
    down = runctl("--output", "json", "down", name, "--yes", "--grace", "1", code=None)
    left = leaks(name, cloud_url)
    print(f"COUNTED making, {case.name}: {outcome}; after one down: {len(left)} left")
    assert met, "every fault was met"
    assert down.code == 0 or down.json["error"]["kind"] == "job-not-found", down.text
    assert left == []


@pytest.mark.matrix
@pytest.mark.parametrize("case", cases(DELETING))
def test_while_a_job_is_deleted(runctl: Runctl, cloud_url: str, ended: list[str], case: Case) -> None:
    name = f"deleting-{case.name}"[:38]
    ended.append(name)
    runctl("up", job(runctl, name, case.job), "--yes", "--detach")
    with trouble(cloud_url, *case.faults, late_seconds=case.late_seconds):
        down = runctl("--output", "json", "down", name, "--yes", "--grace", "1", code=None)
        met = not case.must_be_met or faults_left(cloud_url) == 0
    outcome = told(case, down)
    if case.kind is not None:
        assert runctl.json("down", name, "--yes", "--grace", "1")["nothing_left"]
    left = leaks(name, cloud_url)
    print(f"COUNTED deleting, {case.name}: {outcome}; at the end: {len(left)} left")
    assert met, "every fault was met"
    assert left == []
