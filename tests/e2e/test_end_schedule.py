"""The cloud's own schedule ends a machine whose agent and own timer are dead, and is never left over."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.crash_points import Crash, Point
from support.due_schedules import bring_forward, due_of
from support.emulated_cloud import client, state_of
from support.runctl_cli import Runctl

from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

HEARTBEAT_SECONDS = 15
WITH_SCHEDULE = {"RUNCTL_AWS_END_SCHEDULE": "true"}
DEADLY = """
systemctl stop runctl-deadline.timer
rm /etc/systemd/system/runctl-deadline.timer
systemctl is-active runctl-deadline.timer || true
for bundle in /var/lib/runctl/agent-*.pyz; do echo broken >"$bundle"; done
echo nobody is left
sleep 4
kill -9 $PPID
"""


def test_it_ends_a_machine_that_nobody_else_ends(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    person = Runctl(runctl.folder, WITH_SCHEDULE)
    ended.append("dead")
    began = time.time()
    person("up", str(write_job(runctl.folder, "dead", run=DEADLY)), "--yes", "--detach")
    assert "nothing to change" in person("preview", str(runctl.folder / "dead.yaml")).text
    machine, schedule = the(runctl, "dead", "ec2/instance:Instance"), the(runctl, "dead", "schedule:Schedule")
    scheduler, ec2 = client(cloud_url, "scheduler"), client(cloud_url, "ec2")
    assert due_of(scheduler, schedule) >= began + 3600 + DEADLINE_SLACK_SECONDS
    until(lambda: "nobody is left" in runctl("logs", "dead").text, seconds=180)
    assert "\nactive" not in runctl("logs", "dead").text, "the machine's own timer is gone"
    time.sleep(6)

    due = bring_forward(scheduler, schedule, HEARTBEAT_SECONDS + 5)
    while time.time() < due - 1:
        assert state_of(ec2, machine) == "running"
        time.sleep(1)
    silent = runctl.json("status", "dead")["heartbeat_age_seconds"]
    assert silent > HEARTBEAT_SECONDS + 3, "the agent is dead"
    until(lambda: state_of(ec2, machine) == "terminated", seconds=180)
    late = time.time() - due
    assert runctl.json("status", "dead")["phase"] == "lost", "nobody on the machine told its end"

    receipt = runctl.json("down", "dead", "--yes", "--discard-artifacts")
    assert receipt["nothing_left"]
    assert {"aws:scheduler/schedule:Schedule", "aws:scheduler/scheduleGroup:ScheduleGroup"} <= {
        each["type"] for each in receipt["deleted"]
    }
    assert leaks("dead", cloud_url) == []
    print(
        f"COUNTED agent and timer dead: the schedule ended the machine {late:.0f} s after it was due; 0 left"
    )


def test_a_killed_up_leaves_no_schedule_that_a_down_does_not_find(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    one_by_one = Runctl(runctl.folder, {**WITH_SCHEDULE, "RUNCTL_PARALLEL": "1"})
    for number, call in enumerate(("scheduler:CreateScheduleGroup", "scheduler:CreateSchedule"), 1):
        job = f"cut-{number}"
        ended.append(job)
        command = ("up", str(holding_job(one_by_one, job)), "--yes", "--detach")
        point = Point("cloud", 1, "after", "group", call)
        killed = Crash(one_by_one, job).kill_at(point, *command)
        assert killed.at == call
        made = {each.kind for each in killed.held}
        assert ("schedule-group" if number == 1 else "schedule") in made
        receipt = runctl.json("down", job, "--yes", "--grace", "1", "--discard-artifacts")
        assert receipt["nothing_left"]
        assert leaks(job, cloud_url) == []
        print(f"COUNTED killed after {call}: the cloud held {killed.kinds}; 0 left after one down")


def holding_job(runctl: Runctl, job: str) -> Path:
    return write_job(runctl.folder, job, env={"HOLD_AT": "1", "HOLD_STARTS": "9"})


def the(runctl: Runctl, job: str, kind: str) -> str:
    """The id of the job's one resource of this kind."""
    (found,) = [
        each["id"] for each in runctl.json("describe", job)["resources"] if each["type"].endswith(kind)
    ]
    return str(found)


def until(holds: Any, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it was not so within {seconds} s"
        time.sleep(1)
