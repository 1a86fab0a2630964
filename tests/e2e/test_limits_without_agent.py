"""A machine ends at its limit although its agent was killed, hangs, or has lost its network."""

from __future__ import annotations

import shlex
import time

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.emulated_cloud import client, state_of
from support.machine_events import cut_off
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS
from runctl_auto.agent.start.units import AGENT_SERVICE, DEADLINE_TIMER, deadline_units

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

DEADLINE_SECONDS = 12
HANGING = "trap '' TERM; while :; do sleep 1; done"


def user_data(units: dict[str, str], *, kill_agent: bool) -> str:
    """Puts the machine's own timer and an agent that does nothing in place, as the installation does."""
    agent = f"""[Service]
Type=simple
ExecStart=/usr/bin/env bash -c {shlex.quote(HANGING)}
TimeoutStopSec=5
KillMode=mixed

[Install]
WantedBy=multi-user.target
"""
    lines = ["#!/bin/bash", "mkdir -p /etc/systemd/system"]
    for name, text in {**units, AGENT_SERVICE: agent}.items():
        lines.append(f"cat >/etc/systemd/system/{name} <<'UNIT'\n{text}UNIT")
    lines += ["systemctl daemon-reload", f"systemctl enable --now {DEADLINE_TIMER} {AGENT_SERVICE}"]
    if kill_agent:
        lines += ["sleep 1", "kill -9 $(pgrep -f 'trap.*TERM' | head -1)"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kill_agent", [True, False], ids=["killed", "hanging"])
def test_the_machine_ends_at_its_deadline(runctl: Runctl, cloud_url: str, kill_agent: bool) -> None:
    ec2 = client(cloud_url, "ec2")
    deadline = time.time() + DEADLINE_SECONDS
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    launched = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        UserData=user_data(deadline_units(deadline), kill_agent=kill_agent),
        InstanceInitiatedShutdownBehavior="terminate",
    )
    instance = launched["Instances"][0]["InstanceId"]
    try:
        seen = []
        while time.time() < deadline + 60:
            seen.append((time.time() - deadline, state_of(ec2, instance)))
            if seen[-1][1] == "terminated":
                break
            time.sleep(0.5)
        assert seen[-1][1] == "terminated"
        assert any(name == "running" for late, name in seen if late < 0), "it ran until its deadline"
        how = "killed" if kill_agent else "hanging"
        print(f"COUNTED agent {how}: the machine ended {seen[-1][0]:.0f} s after its deadline")
    finally:
        ec2.terminate_instances(InstanceIds=[instance])


def test_a_machine_that_lost_its_network_ends_by_itself(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("lonely")
    job = write_job(runctl.folder, "lonely", max_duration="20s", env={"STEPS": "9999", "STEP_SECONDS": "0.2"})
    runctl("up", str(job), "--yes", "--detach")
    wait_for_step(runctl, "lonely", 3)
    instance = runctl.json("outputs", "lonely")["instanceId"]
    cut_off(cloud_url, instance)
    began = time.monotonic()
    ec2 = client(cloud_url, "ec2")
    while state_of(ec2, instance) != "terminated":
        assert time.monotonic() - began < DEADLINE_SLACK_SECONDS, "it waited for its own hard deadline"
        time.sleep(2)
    print(f"COUNTED network gone: the machine ended {time.monotonic() - began:.0f} s after it was cut off")
    assert runctl.json("status", "lonely")["phase"] != "succeeded"
    receipt = runctl.json("down", "lonely", "--yes", "--discard-artifacts")
    assert receipt["nothing_left"]
    assert leaks("lonely", cloud_url) == []
