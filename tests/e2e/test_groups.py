"""`recovery: cloud`: with no runctl alive the cloud makes the next machine, and the run ends its group."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.emulated_cloud import client, state_of
from support.machine_events import interrupt
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

from components.machine_group import END_ACTION

pytestmark = pytest.mark.sandbox

CLOUD = {"recovery": "cloud", "spot_policy": "spot"}
VOLUME = [{"name": "data", "size": "1GB", "mount": "/data"}]
HOLDING = {"STEPS": "6", "HOLD_AT": "3", "HOLD_STARTS": "1"}
NO_AGENT = """
systemctl stop runctl-deadline.timer
rm /etc/systemd/system/runctl-deadline.timer
for bundle in /var/lib/runctl/agent-*.pyz; do echo broken >"$bundle"; done
echo nobody is left
sleep 4
kill -9 $PPID
"""


STOPPED_AGENT = r"""
at=$(date -u -d '+10 seconds' '+%Y-%m-%d %H:%M:%S UTC')
sed -i "s/^OnCalendar=.*/OnCalendar=$at/" /etc/systemd/system/runctl-deadline.timer
systemctl daemon-reload
systemctl restart runctl-deadline.timer
echo only the timer is left
sleep 3
systemctl stop runctl-agent.service
"""


class Group:
    """The group of a job, as the cloud tells it."""

    def __init__(self, runctl: Runctl, job: str, cloud_url: str) -> None:
        self.name = str(runctl.json("outputs", job)["groupName"])
        self.service = client(cloud_url, "autoscaling")
        self.ec2 = client(cloud_url, "ec2")

    def now(self) -> dict[str, Any]:
        (found,) = self.service.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])[
            "AutoScalingGroups"
        ]
        return dict(found)

    @property
    def wanted(self) -> int:
        return int(self.now()["DesiredCapacity"])

    def machine(self) -> str:
        """The machine that the group has, once it has one."""
        until(lambda: bool(self.now()["Instances"]))
        return str(self.now()["Instances"][0]["InstanceId"])

    def end_in(self, seconds: float) -> None:
        """Brings the latest end forward."""
        due = datetime.fromtimestamp(time.time() + seconds, tz=timezone.utc)
        self.service.put_scheduled_update_group_action(
            AutoScalingGroupName=self.name,
            ScheduledActionName=END_ACTION,
            StartTime=due,
            MinSize=0,
            DesiredCapacity=0,
        )

    def has_ended(self) -> bool:
        now = self.now()
        return int(now["DesiredCapacity"]) == 0 and not now["Instances"]

    def launched(self) -> list[str]:
        """All machines that it ever launched."""
        activities = self.service.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]
        words = (each["Description"].split() for each in activities if each["StatusCode"] == "Successful")
        return [each[-1] for each in words if each[0] == "Launching"]


def until(holds: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it was not so within {seconds} s"
        time.sleep(0.5)


def begin(runctl: Runctl, ended: list[str], job: str, **changes: Any) -> None:
    ended.append(job)
    wanted = {**CLOUD, "checkpoints": {"path": "checkpoints", "every": "1s", "keep": 3}, **changes}
    runctl("up", str(write_job(runctl.folder, job, **wanted)), "--yes", "--detach")


def phase_of(runctl: Runctl, job: str) -> str:
    return str(runctl.json("status", job)["phase"])


def down_leaves_nothing(runctl: Runctl, job: str, cloud_url: str) -> None:
    receipt = runctl.json("down", job, "--yes", "--grace", "1", "--discard-artifacts")
    assert receipt["nothing_left"]
    assert receipt["stack_removed"]
    assert leaks(job, cloud_url) == []


def test_an_interrupted_run_goes_on_with_nobody_awake(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    begin(runctl, ended, "grouped", env=HOLDING, volumes=VOLUME)
    wait_for_step(runctl, "grouped", 3)
    group = Group(runctl, "grouped", cloud_url)
    first = group.machine()
    assert runctl.json("status", "grouped")["drift"] == []
    interrupt(cloud_url, first, notice_seconds=20)
    wait_for_step(runctl, "grouped", 6)
    until(group.has_ended)
    status = runctl.json("status", "grouped")
    assert status["phase"] == "succeeded"
    assert status["drift"] == [], "a group at 0 is how a run ends"
    assert status["resumes"], "the next machine went on from a checkpoint"
    assert status["status"]["instance"] != first
    assert "volume holds 2 runs" in runctl("logs", "grouped").text, "it had the volume of the first"
    assert len(group.launched()) == 2
    assert "digits-machines-group" not in runctl("preview", str(runctl.folder / "grouped.yaml")).out
    receipt = runctl.json("down", "grouped", "--yes")
    assert receipt["nothing_left"]
    assert leaks("grouped", cloud_url) == []
    (found,) = (runctl.folder / "runs/grouped").rglob("metrics.json")
    assert json.loads(found.read_text())["steps"] == 6


@pytest.mark.matrix
class TestEndsWithNobodyAwake:
    """The group comes to 0 by the limits of its run, whoever is dead."""

    def test_with_a_dead_agent(self, runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
        begin(runctl, ended, "dead-agent", run=NO_AGENT)
        until(lambda: "nobody is left" in runctl("logs", "dead-agent").text)
        group = Group(runctl, "dead-agent", cloud_url)
        machine = group.machine()
        group.end_in(20)
        until(group.has_ended)
        until(lambda: state_of(group.ec2, machine) == "terminated")
        assert group.launched() == [machine]
        down_leaves_nothing(runctl, "dead-agent", cloud_url)
        print("COUNTED dead agent: the group ended at 0 by its scheduled action")

    def test_with_a_stopped_agent_by_the_machines_own_timer(
        self, runctl: Runctl, cloud_url: str, ended: list[str]
    ) -> None:
        begin(runctl, ended, "own-timer", run=STOPPED_AGENT)
        group = Group(runctl, "own-timer", cloud_url)
        machine = group.machine()
        until(group.has_ended)
        assert group.launched() == [machine]
        assert phase_of(runctl, "own-timer") in ("interrupted", "lost"), "the agent did not end the run"
        down_leaves_nothing(runctl, "own-timer", cloud_url)
        print("COUNTED stopped agent: the group ended at 0 by the machine's own timer")

    def test_with_a_failing_bootstrap(self, runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
        begin(runctl, ended, "no-boot", env=HOLDING)
        wait_for_step(runctl, "no-boot", 3)
        group = Group(runctl, "no-boot", cloud_url)
        bucket, s3 = runctl.json("outputs", "no-boot")["bucket"], client(cloud_url, "s3")
        (agent,) = s3.list_objects_v2(Bucket=bucket, Prefix="agent/")["Contents"]
        s3.put_object(Bucket=bucket, Key=agent["Key"], Body=b"not an agent")
        interrupt(cloud_url, group.machine(), notice_seconds=5)
        until(group.has_ended)
        status = runctl.json("status", "no-boot")
        assert (status["phase"], status["reason"]) == ("failed", "agent_error")
        assert len(group.launched()) == 2
        down_leaves_nothing(runctl, "no-boot", cloud_url)
        print("COUNTED failing bootstrap: the group ended at 0 by its second machine")

    def test_with_a_bucket_that_no_machine_reaches(
        self, runctl: Runctl, cloud_url: str, ended: list[str]
    ) -> None:
        begin(runctl, ended, "no-bucket", env=HOLDING)
        wait_for_step(runctl, "no-bucket", 3)
        group = Group(runctl, "no-bucket", cloud_url)
        iam = client(cloud_url, "iam")
        resources = runctl.json("describe", "no-bucket")["resources"]
        (role,) = [each for each in resources if each["type"] == "aws:iam/role:Role"]
        (policy,) = iam.list_role_policies(RoleName=role["id"])["PolicyNames"]
        held = iam.get_role_policy(RoleName=role["id"], PolicyName=policy)["PolicyDocument"]
        kept = [each for each in held["Statement"] if "s3:" not in str(each["Action"])]
        iam.put_role_policy(
            RoleName=role["id"],
            PolicyName=policy,
            PolicyDocument=json.dumps({**held, "Statement": kept}),
        )
        group.ec2.terminate_instances(InstanceIds=[group.machine()])
        until(group.has_ended, seconds=420)
        assert len(group.launched()) == 3, "one that trained, and two that could tell nobody"
        down_leaves_nothing(runctl, "no-bucket", cloud_url)
        print("COUNTED unreachable bucket: the group ended at 0 after the second machine without a word")

    def test_with_an_endless_job(self, runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
        begin(runctl, ended, "endless", env={"STEPS": "99999"}, max_duration="20s")
        group = Group(runctl, "endless", cloud_url)
        until(group.has_ended)
        assert phase_of(runctl, "endless") == "stopped"
        assert len(group.launched()) == 1
        down_leaves_nothing(runctl, "endless", cloud_url)
        print("COUNTED endless job: the group ended at 0 by max_duration")


@pytest.mark.matrix
def test_down_of_a_run_that_trains_leaves_nothing(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    begin(runctl, ended, "downed", env={**HOLDING, "HOLD_STARTS": "9"}, volumes=VOLUME)
    wait_for_step(runctl, "downed", 3)
    down_leaves_nothing(runctl, "downed", cloud_url)


@pytest.mark.matrix
def test_up_follows_a_group_and_removes_it_at_the_end(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("followed")
    job = write_job(runctl.folder, "followed", env={"STEPS": "3"}, **CLOUD)
    ran = runctl("up", str(job), "--yes")
    assert "AWS made machine i-" in ran.err
    assert "groupName" not in runctl.json("outputs", "followed")
    down_leaves_nothing(runctl, "followed", cloud_url)


@pytest.mark.matrix
def test_changed_code_replaces_the_group_and_goes_on(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    begin(runctl, ended, "moved", env={**HOLDING, "HOLD_STARTS": "1"})
    wait_for_step(runctl, "moved", 3)
    before = Group(runctl, "moved", cloud_url).name
    job = write_job(runctl.folder, "moved", message="better code", env=HOLDING, **CLOUD)
    result = runctl.json("up", str(job), "--yes", "--grace", "20")
    assert result["attempt"] == 2
    assert result["metrics"]["starts"][-1] >= 3, "it went on from the checkpoint of the first"
    assert before not in str(runctl.json("outputs", "moved"))
    down_leaves_nothing(runctl, "moved", cloud_url)
