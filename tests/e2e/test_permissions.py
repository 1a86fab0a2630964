"""What a full life with every option calls at the cloud, with what the official provider calls beside it, is
what the policies of `runctl permissions` are made of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from support.cloud_points import CloudPoints
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.emulated_cloud import client
from support.every_option import declared
from support.machine_events import interrupt
from support.machine_groups import Group, until
from support.provider_calls import Row, reached
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

from components.machine_access import AttachedVolumes, MachineAccess, access_policy
from runctl_auto.permissions.document import calls_of
from runctl_auto.providers.aws.permissions.actions import actions_of

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.matrix,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

# Clients of the person's side and of the provider say so; the agent on a machine has a role of its own.
NOT_THE_AGENT = "Botocore"
BY_AWS = "autoscaling.amazonaws.com"
JOB, BUCKET, PARAMETER = "granted", "data-of-granted", "/images/granted"
GROUPED = "granted-group"
BOUNDARY = "arn:aws:iam::123456789012:policy/bound"
FIRST = {
    "GRANTED": "first value",
    "RUNCTL_AWS_END_SCHEDULE": "true",
    "RUNCTL_AWS_PERMISSIONS_BOUNDARY": BOUNDARY,
}
LONG = 900.0
BY_HOSTS = {"ec2:DescribeInstanceAttribute", "sts:AssumeRole"}
"""What the sandbox's hosts call in place of EC2 itself: user data and the role's credentials."""

SECOND = {"GRANTED": "second value", "RUNCTL_AWS_END_SCHEDULE": "true"}


def prepared(cloud_url: str) -> dict[str, Any]:
    """What exists before the job, and the parts of its file that name it."""
    s3, ec2, ssm, iam = (client(cloud_url, each) for each in ("s3", "ec2", "ssm", "iam"))
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/a.txt", Body=b"content")
    public = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    image = ssm.get_parameter(Name=public)["Parameter"]["Value"]
    ssm.put_parameter(Name=PARAMETER, Type="String", Value=image)
    open_policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    iam.create_policy(PolicyName="bound", PolicyDocument=json.dumps(open_policy))
    old = ec2.create_volume(AvailabilityZone="us-east-1c", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=old)["SnapshotId"]
    return {
        "image": f"ssm:{PARAMETER}",
        "zones": ["us-east-1c"],
        "data": [{"source": f"s3://{BUCKET}/train/", "path": "data"}],
        "volumes": [
            {"name": "data", "size": "10GB", "mount": "/data"},
            {"name": "restored", "size": "1GB", "mount": "/restored", "snapshot": snapshot},
            {"name": "old", "id": old, "mount": "/old"},
        ],
        "secrets": ["GRANTED"],
        "artifacts": {"paths": ["model/"], "keep": True},
        "budget": 5,
    }


def lived(runctl: Runctl, cloud_url: str, options: dict[str, Any]) -> None:
    """One life: created, changed in every part that can change, interrupted, resumed, looked at, removed."""
    env, tags = {"STEPS": "9", "HOLD_AT": "4"}, {"team": "nlp"}
    first = write_job(runctl.folder, JOB, **options, env=env, tags=tags)
    Runctl(runctl.folder, FIRST)("up", str(first), "--yes", "--detach", timeout=LONG)
    wait_for_step(runctl, JOB, 4, seconds=LONG)
    options["volumes"][0]["size"] = "12GB"
    env |= {"HOLD_AT": "6", "HOLD_STARTS": "2"}
    changed = write_job(runctl.folder, JOB, message="better", **options, env=env, tags={"group": "nlp"})
    replacing = Runctl(runctl.folder, SECOND).start("up", str(changed), "--yes")
    try:
        wait_for_step(runctl, JOB, 6, seconds=LONG)
        interrupt(cloud_url, runctl.json("outputs", JOB)["instanceId"], notice_seconds=6)
        out, err = replacing.communicate(timeout=LONG)
    finally:
        replacing.kill()
    assert replacing.returncode == 0, out + err
    for look in ("ls", "doctor"):
        runctl(look, code=None)
    for look in ("status", "logs", "describe"):
        runctl(look, JOB)
    runctl("down", JOB, "--yes", "--include-protected", "bucket", "--confirm", "bucket", timeout=LONG)
    runctl("leaks", code=None)


def lived_in_a_group(runctl: Runctl, cloud_url: str, options: dict[str, Any]) -> None:
    """One life with `recovery: cloud`: created, interrupted and gone on with by the cloud, watched, replaced
    by a group with better code, removed."""
    endless = {"STEPS": "10000", "HOLD_AT": "4"}
    options = {**options, "recovery": "cloud", "spot_policy": "spot", "artifacts": {"paths": ["model/"]}}
    first = write_job(runctl.folder, GROUPED, **options, env=endless)
    Runctl(runctl.folder, FIRST)("up", str(first), "--yes", "--detach", timeout=LONG)
    wait_for_step(runctl, GROUPED, 4, seconds=LONG)
    group = Group(runctl, GROUPED, cloud_url)
    machine = group.machine()
    interrupt(cloud_url, machine, notice_seconds=6)
    until(lambda: group.now()["Instances"] != [] and group.machine() != machine, seconds=LONG)
    wait_for_step(runctl, GROUPED, 6, seconds=LONG)
    for look in ("status", "describe"):
        runctl(look, GROUPED)
    runctl("watch", GROUPED, "--once")
    changed = write_job(runctl.folder, GROUPED, message="better", **options, env={"STEPS": "9"})
    Runctl(runctl.folder, SECOND)("up", str(changed), "--yes", timeout=LONG)
    runctl("ls")
    runctl("down", GROUPED, "--yes", timeout=LONG)


def told(calls: Iterable[str], rows: Iterable[Row]) -> list[str]:
    """Each call with the rows that name it."""
    found = list(rows)
    return [
        f"{call}: {[str(row) for row in found if row.call == call] or 'no row'}" for call in sorted(calls)
    ]


def test_a_full_life_and_the_official_provider_call_what_is_granted_and_nothing_else(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended += [JOB, GROUPED]
    options = prepared(cloud_url)
    single = recorded(cloud_url, lambda: lived(runctl, cloud_url, options))
    assert leaks(JOB, cloud_url) == []
    grouped = recorded(cloud_url, lambda: lived_in_a_group(runctl, cloud_url, options))
    assert leaks(GROUPED, cloud_url) == []

    called = {call for call, caller in (*single, *grouped) if NOT_THE_AGENT in caller}
    rows = reached(declared())
    wanted = called | {row.call for row in rows}
    granted = calls_of("apply", seen=True)
    beyond = granted - called
    print(
        f"{len(called)} kinds of calls made, {len(granted)} granted; the provider's source names the others:"
    )
    print("\n".join(told(beyond, rows)))
    differences = {
        "called and not granted": told(wanted - granted, rows),
        "granted and never called": told(granted - wanted, rows),
    }
    assert not any(differences.values()), json.dumps(differences, indent=1)
    assert_agent_is_allowed(single)
    assert_agent_is_allowed(grouped, group="g", attached=AttachedVolumes(own=True, ids=["vol-1"]))


def recorded(cloud_url: str, life: Callable[[], None]) -> list[tuple[str, str]]:
    """All calls of a life and who made them, but for those that AWS itself makes."""
    points = CloudPoints(cloud_url)
    points.count(caller="", reads=True)
    try:
        life()
        return [each for each in points.seen_by_caller() if each[1] != BY_AWS]
    finally:
        points.clear()


def assert_agent_is_allowed(recorded: Iterable[tuple[str, str]], **more: Any) -> None:
    """The agent called what its machine's role allows."""
    calls = {call for call, caller in recorded if NOT_THE_AGENT not in caller}
    args = MachineAccess(
        account="123456789012",
        partition="aws",
        region="us-east-1",
        job=JOB,
        run="r",
        lineage="line",
        bucket="b",
        has_secrets=True,
        data=[f"s3://{BUCKET}/train/"],
        **more,
    )
    statements: Any = access_policy(args)["Statement"]
    allowed = {action for statement in statements for action in statement["Action"]}
    assert calls
    refused = {call for call in calls - BY_HOSTS if not set(actions_of(call)) & allowed}
    assert refused == set()
