"""Leaks of all 16 kinds in a running cloud: told, removed by command, and nobody's else touched.

What is there is counted by a scanner that reads the emulator's own stores and knows nothing of runctl's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import aws_cli, emulated_cloud
from support.cloud_scanner import leaks as left_over
from support.cloud_scanner import read_inventory
from support.counting_job import write_job
from support.planted import KINDS, Owner, plant
from support.runctl_cli import Runctl

from components.naming import Names

pytestmark = pytest.mark.sandbox

ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture
def ann(runctl: Runctl) -> Runctl:
    return Runctl(runctl.folder, env={**runctl.env, "RUNCTL_OWNER": "ann"})


@pytest.fixture
def client_of(cloud_url: str) -> Any:
    def client(service: str, region: str = REGION) -> Any:
        return emulated_cloud.client(cloud_url, service, region)

    return client


@pytest.fixture
def bobs(client_of: Any, cloud_url: str) -> Iterator[set[str]]:
    """Ids of 16 look-alikes: another owner's, and such as only look like runctl's."""
    before = everything(cloud_url)
    planted = plant(client_of, owner("planted2", "bob"))
    strange = Owner("planted", "00000000", (("job", "planted"), ("created-by", "runctl")))
    other = plant(client_of, strange, named=False)
    try:
        yield everything(cloud_url) - before
    finally:
        ec2 = client_of("ec2")
        for things, bucket in ((planted, planted["bucket"]), (other, other["bucket"])):
            client_of("autoscaling").delete_auto_scaling_group(
                AutoScalingGroupName=things["Auto Scaling group"], ForceDelete=True
            )
            for kind in ("network interface", "security group", "volume"):
                remove_ec2(ec2, kind, things[kind])
            aws_cli.run(f"aws s3 rb --force s3://{bucket}", client_of)


def remove_ec2(ec2: Any, kind: str, identity: str) -> None:
    calls = {
        "network interface": lambda: ec2.delete_network_interface(NetworkInterfaceId=identity),
        "security group": lambda: ec2.delete_security_group(GroupId=identity),
        "volume": lambda: ec2.delete_volume(VolumeId=identity),
    }
    calls[kind]()


def owner(job: str, name: str) -> Owner:
    digest = Names(account=ACCOUNT, region=REGION, project="runctl", job=job).bucket()[-8:]
    tags = (("runctl:job", job), ("runctl:owner", name), ("runctl:created-by", "runctl"))
    return Owner(job, digest, tags)


def everything(cloud_url: str) -> set[str]:
    return {row["id"] for rows in read_inventory(cloud_url).values() for row in rows}


def told(planted: dict[str, str], listed: list[dict[str, Any]]) -> set[str]:
    """Kinds of planted things that a list of findings names."""
    ids = [each["id"] for each in listed]
    return {kind for kind, identity in planted.items() if any(identity in each for each in ids)}


@pytest.mark.matrix
def test_16_kinds_are_found_and_removed_and_look_alikes_are_not(
    ann: Runctl, cloud_url: str, client_of: Any, bobs: set[str]
) -> None:
    planted = plant(client_of, owner("planted", "ann"))
    assert {row.kind for row in left_over("planted", cloud_url)} >= {"volume", "bucket", "role", "log-group"}
    found = ann.json("leaks", code=5)
    mine = [each for each in found["orphans"] if each["job"] == "planted"]
    assert told(planted, mine) == set(KINDS)
    assert {each["keep"] for each in mine} == {None}
    assert not {each["id"] for each in found["orphans"]} & bobs

    ran = ann.json("leaks", "--delete", "--yes", code=None)
    assert told(planted, ran["deleted"]) == set(KINDS)
    assert [each for each in ran["orphans"] if each["job"] == "planted"] == []
    assert left_over("planted", cloud_url) == []
    assert everything(cloud_url) >= bobs
    print(f"16 kinds planted: {len(told(planted, mine))} told, {len(told(planted, ran['deleted']))} removed")


def test_without_an_answer_nothing_is_removed(ann: Runctl, cloud_url: str, client_of: Any) -> None:
    volume = client_of("ec2").create_volume(
        AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=owner("asked", "ann").specification("volume")
    )["VolumeId"]
    try:
        assert volume in ann("leaks", "--delete", code=1).text
        assert volume in everything(cloud_url)
    finally:
        client_of("ec2").delete_volume(VolumeId=volume)


@pytest.mark.matrix
def test_a_teardown_tells_16_leaks_each_with_a_command_that_works(
    ann: Runctl, cloud_url: str, client_of: Any, ended: list[str]
) -> None:
    file = write_job(ann.folder / "leaky", "leaky")
    ended.append("leaky")
    ann("up", str(file), "--yes")
    state = ann.json("describe", "leaky")["resources"]
    digest = Names(account=ACCOUNT, region=REGION, project="runctl", job="leaky").bucket()[-8:]
    assert {each["id"][-8:] for each in state if each["type"] == "aws:s3/bucket:Bucket"} == {digest}
    tags = (("runctl:job", "leaky"), ("runctl:owner", "ann"))
    planted = plant(client_of, Owner("leaky", "00000000", tags))

    error = ann.json("down", "leaky", "--yes", code=5)["error"]
    leaked = error["receipt"]["leaked"]
    assert told(planted, leaked) == set(KINDS)
    assert {each.kind for each in left_over("leaky", cloud_url)}
    for each in leaked:
        aws_cli.run(each["remove"], client_of)
        if each["kind"] == "instance":
            client_of("ec2").get_waiter("instance_terminated").wait(
                InstanceIds=[each["id"]], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )
    receipt = ann.json("down", "leaky", "--yes")
    assert receipt["nothing_left"]
    assert receipt["stack_removed"]
    assert left_over("leaky", cloud_url) == []
    assert len(list((ann.folder / ".runctl" / "receipts" / "leaky").glob("*.json"))) == 2
    print(f"16 kinds planted, {len(told(planted, leaked))} told with a command, all commands worked")
