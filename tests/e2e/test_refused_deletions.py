"""Deletions that the cloud refuses: what can go, goes; the receipt names what is in the way; exit 5.

Once the obstacle is gone, the same command leaves nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.cloud_faults import Fault, trouble
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.emulated_cloud import client
from support.machine_events import cut_off
from support.runctl_cli import Ran, Runctl
from support.waiting import wait_for_step

pytestmark = pytest.mark.sandbox

TOLD_WITHIN_SECONDS = 170
"""A provider that waits for a group to become free takes three minutes."""
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
MACHINE = "aws:ec2/instance:Instance"
ALWAYS = 1000


@dataclass
class Others:
    """What somebody else does in the account of the job."""

    url: str

    def client(self, service: str) -> Any:
        return client(self.url, service)

    def subnet(self) -> dict[str, Any]:
        return dict(self.client("ec2").describe_subnets()["Subnets"][0])

    def interface_in(self, group: str) -> str:
        made = self.client("ec2").create_network_interface(
            SubnetId=self.subnet()["SubnetId"], Groups=[group], Description="of the other team"
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def group(self) -> str:
        made = self.client("ec2").create_security_group(
            GroupName="others", Description="x", VpcId=self.subnet()["VpcId"]
        )
        return str(made["GroupId"])

    def machine(self, zone: str) -> str:
        image = self.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        made = self.client("ec2").run_instances(
            ImageId=image,
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": zone},
        )
        identity = str(made["Instances"][0]["InstanceId"])
        self.client("ec2").get_waiter("instance_running").wait(
            InstanceIds=[identity], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        return identity


@pytest.fixture
def others(cloud_url: str) -> Others:
    return Others(cloud_url)


def resources(runctl: Runctl, job: str) -> dict[str, str]:
    """Ids of the job's resources by the end of their type."""
    listed = runctl.json("describe", job)["resources"]
    return {each["type"].rpartition(":")[2]: each["id"] for each in listed}


def running(runctl: Runctl, name: str, **changes: Any) -> None:
    job = write_job(runctl.folder, name, env={"HOLD_AT": "1"}, zones=["us-east-1a"], **changes)
    runctl("up", str(job), "--yes", "--detach")


def refused(runctl: Runctl, job: str) -> tuple[dict[str, Any], Ran]:
    """The entry of the receipt for the only thing that could not be deleted."""
    began = time.monotonic()
    ran = runctl("--output", "json", "down", job, "--yes", "--grace", "1", code=5)
    assert time.monotonic() - began < TOLD_WITHIN_SECONDS, ran.text
    error = ran.json["error"]
    assert error["kind"] == "leaked"
    (blocked,) = error["receipt"]["blocked"]
    assert error["next_step"] == blocked["next_step"]
    assert f"`runctl down {job}`" in blocked["next_step"]
    assert error["receipt"]["leaked"] == []
    assert not error["receipt"]["nothing_left"]
    assert not error["receipt"]["stack_removed"]
    receipts = sorted((runctl.folder / ".runctl" / "receipts" / job).iterdir())
    assert json.loads(receipts[-1].read_text())["blocked"] == [blocked]
    goes_nothing = blocked["type"] == MACHINE  # all else is needed by it
    assert bool(error["receipt"]["deleted"]) is not goes_nothing, "what can go, goes"
    needed = f"needed by {blocked['name']}, which could not be deleted"
    assert all(each["why"] == needed for each in error["receipt"]["kept"])
    return blocked, ran


def ends_clean(runctl: Runctl, job: str, cloud_url: str) -> None:
    assert runctl.json("down", job, "--yes", "--grace", "1")["nothing_left"]
    assert leaks(job, cloud_url) == []


@pytest.mark.matrix
def test_a_group_that_somebody_else_uses(
    runctl: Runctl, cloud_url: str, ended: list[str], others: Others
) -> None:
    ended.append("held-group")
    runctl("up", str(write_job(runctl.folder, "held-group")), "--yes")
    group = resources(runctl, "held-group")["SecurityGroup"]
    interface = others.interface_in(group)
    blocked, ran = refused(runctl, "held-group")
    assert blocked["id"] == group
    assert blocked["held_by"][0]["id"] == interface
    assert interface in ran.err, "told at once, on stderr as well"
    assert "of the other team" in blocked["why"]
    assert [each.id for each in leaks("held-group", cloud_url)] == [group]
    others.client("ec2").delete_network_interface(NetworkInterfaceId=interface)
    ends_clean(runctl, "held-group", cloud_url)


Release = Callable[[], object]


def by_a_rule(runctl: Runctl, job: str, others: Others) -> tuple[str, str, Release]:
    group, other = resources(runctl, job)["SecurityGroup"], others.group()
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": group}]}
    ec2 = others.client("ec2")
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    return group, other, lambda: ec2.delete_security_group(GroupId=other)


def by_a_machine_in_the_group(runctl: Runctl, job: str, others: Others) -> tuple[str, str, Release]:
    group, machine = resources(runctl, job)["SecurityGroup"], others.machine("us-east-1a")
    ec2 = others.client("ec2")
    ec2.modify_instance_attribute(InstanceId=machine, Groups=[group])

    def release() -> None:
        ec2.terminate_instances(InstanceIds=[machine])
        ec2.get_waiter("instance_terminated").wait(
            InstanceIds=[machine], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    return group, machine, release


def by_termination_protection(runctl: Runctl, job: str, others: Others) -> tuple[str, str, Release]:
    machine, ec2 = resources(runctl, job)["Instance"], others.client("ec2")

    def protect(value: bool) -> object:
        return ec2.modify_instance_attribute(InstanceId=machine, DisableApiTermination={"Value": value})

    protect(True)
    return machine, "", lambda: protect(False)


def by_a_policy_of_the_role(runctl: Runctl, job: str, others: Others) -> tuple[str, str, Release]:
    role, iam = resources(runctl, job)["Role"], others.client("iam")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}],
    }
    policy = iam.create_policy(PolicyName=f"of-{job}", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    return role, policy, lambda: iam.detach_role_policy(RoleName=role, PolicyArn=policy)


@pytest.mark.matrix
@pytest.mark.parametrize(
    "obstacle",
    [by_a_rule, by_a_machine_in_the_group, by_termination_protection, by_a_policy_of_the_role],
    ids=lambda each: each.__name__.replace("_", "-"),
)
def test_what_is_in_the_way_is_named(
    runctl: Runctl, cloud_url: str, ended: list[str], others: Others, obstacle: Any
) -> None:
    job = f"held-{obstacle.__name__.replace('_', '-')}"[:38]
    ended.append(job)
    running(runctl, job, spot_policy="on-demand", max_duration="1h")
    if obstacle is by_termination_protection:  # its machine must not end by itself
        wait_for_step(runctl, job, 1)
        cut_off(cloud_url, runctl.json("outputs", job)["instanceId"])
    identity, holder, release = obstacle(runctl, job, others)
    blocked, _ = refused(runctl, job)
    assert blocked["id"] == identity
    assert blocked["held_by"][0]["id"] == (holder or None)
    release()
    ends_clean(runctl, job, cloud_url)
    print(f"COUNTED refused, {obstacle.__name__}: {blocked['why']}")


@pytest.mark.matrix
def test_a_volume_that_somebody_elses_machine_holds(
    runctl: Runctl, cloud_url: str, ended: list[str], others: Others
) -> None:
    ended.append("held-volume")
    volumes = [{"name": "data", "size": "1GB", "mount": "/data"}]
    job = write_job(runctl.folder, "held-volume", volumes=volumes, zones=["us-east-1a"])
    runctl("up", str(job), "--yes")
    volume, machine = resources(runctl, "held-volume")["Volume"], others.machine("us-east-1a")
    ec2 = others.client("ec2")
    ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
    blocked, _ = refused(runctl, "held-volume")
    assert (blocked["id"], blocked["held_by"][0]["id"]) == (volume, machine)
    ec2.detach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
    ends_clean(runctl, "held-volume", cloud_url)
    ec2.terminate_instances(InstanceIds=[machine])


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("s3:DeleteBucket", "AccessDenied"),
        ("ec2:DeleteSecurityGroup", "UnauthorizedOperation"),
        ("iam:DeleteRole", "AccessDenied"),
        ("ec2:DeleteLaunchTemplate", "UnauthorizedOperation"),
    ],
)
def test_what_the_caller_may_not_delete_has_the_clouds_answer(
    runctl: Runctl, cloud_url: str, ended: list[str], operation: str, code: str
) -> None:
    job = f"denied-{operation.partition(':')[2].lower()}"[:38]
    ended.append(job)
    running(runctl, job)
    with trouble(cloud_url, Fault(operation, code, ALWAYS)):
        blocked, _ = refused(runctl, job)
    assert blocked["code"] == code
    assert "permission" in blocked["next_step"]
    ends_clean(runctl, job, cloud_url)


@pytest.mark.matrix
def test_a_deletion_that_takes_long_is_told_with_its_reason(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    """Fifteen seconds of "in use", of which nobody can find the cause."""
    ended.append("slow-group")
    runctl("up", str(write_job(runctl.folder, "slow-group")), "--yes")
    with trouble(cloud_url, Fault("ec2:DeleteSecurityGroup", "DependencyViolation", 50)):
        ran = runctl("down", "slow-group", "--yes")
    assert "still deleting slow-group-network-group" in ran.err
    assert "the cloud has not confirmed it yet" in ran.err
    assert leaks("slow-group", cloud_url) == []


@pytest.mark.matrix
def test_a_leftover_that_the_cloud_does_not_delete_says_why(
    runctl: Runctl, cloud_url: str, ended: list[str], others: Others, tmp_path: Path
) -> None:
    ended.append("held-leak")
    running(runctl, "held-leak")
    tags = [{"Key": f"runctl:{key}", "Value": value} for key, value in own_tags(runctl, others).items()]
    group = others.group()
    others.client("ec2").create_tags(Resources=[group], Tags=tags)
    interface = others.interface_in(group)
    with trouble(cloud_url, Fault("ec2:DeleteNetworkInterface", "UnauthorizedOperation", ALWAYS)):
        found = runctl.json("leaks", "--delete", "--yes", code=5)
    orphan = next(each for each in found["orphans"] if each["id"] == group)
    assert "DependencyViolation" in orphan["refused"]
    others.client("ec2").delete_network_interface(NetworkInterfaceId=interface)
    runctl("leaks", "--delete", "--yes")


def own_tags(runctl: Runctl, others: Others) -> dict[str, str]:
    """The tags of this project's resources, of a job that does not exist."""
    instance = runctl.json("outputs", "held-leak")["instanceId"]
    found = others.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])[
        "Tags"
    ]
    held = {each["Key"].removeprefix("runctl:"): each["Value"] for each in found if "runctl:" in each["Key"]}
    return {**held, "job": "no-such-job", "stack": "no-such-job"}
