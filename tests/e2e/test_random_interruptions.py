"""Digits, interrupted at random moments: it ends with the weights of a run that nobody disturbed.

The moments are seeded and lie anywhere between the launch and the end: boot, fetching and restoring, setup,
training and saving, uploading. They are told by what the run reports, so that they are the same on a machine
that is slow today. With `recovery: cloud` no runctl is alive from the end of `up --detach` to
the end of the group.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.emulated_cloud import client
from support.launch_history import machines
from support.machine_events import interrupt
from support.machine_groups import Group, until
from support.runctl_cli import Runctl

from components.naming import Names

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

EXAMPLE = Path(__file__).parents[2] / "stacks" / "examples" / "digits"
ACCOUNT, REGION = "123456789012", "us-east-1"
EPOCHS = 12
INTERVAL_SECONDS = 2.0
PATIENCE_SECONDS = 900
TAIL_SECONDS = 10
"""The command goes on for so long after its last epoch: an interruption meant for it finds it."""
STAGES = ("launched", "fetching", "setup", "setup", "running", "running", "running", "running", "stopping")
"""What is interrupted, one seed after the other, within what it took undisturbed."""
ORDER = ("", "launched", "booting", "fetching", "setup", "running", "stopping")
SETUP = """
python3 -m venv .venv
.venv/bin/python -m pip install --no-compile --quiet --disable-pip-version-check \\
  -r requirements.txt
"""
WEIGHTS = """
import hashlib, joblib
model = joblib.load("model/model.joblib")
digest = hashlib.sha256(b"".join(each.tobytes(order="C") for each in (*model.coefs_, *model.intercepts_)))
open("model/weights.txt", "w").write(digest.hexdigest())
"""
EPOCH = re.compile(r"^epoch (\d+)/.*\(([0-9.]+) s\)$")
START = re.compile(r"going on from epoch (\d+)$")


def write_digits(runctl: Runctl, name: str, recovery: str) -> str:
    job = yaml.safe_load((EXAMPLE / "job.yaml").read_text())
    work = runctl.folder / "random-digits"
    if not work.exists():
        shutil.copytree(EXAMPLE, work)
        (work / "weights.py").write_text(WEIGHTS)
    job.update(
        name=name,
        workdir=work.name,
        setup=SETUP,
        run=f".venv/bin/python -u train.py --epochs {EPOCHS} && sleep {TAIL_SECONDS} && "
        ".venv/bin/python weights.py",
        recovery=recovery,
        spot_policy="spot",
        checkpoints={"path": "checkpoints", "every": f"{INTERVAL_SECONDS:.0f}s", "keep": 3},
    )
    path = runctl.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(job))
    return str(path)


def weights(runctl: Runctl, job: str) -> str:
    (found,) = (runctl.folder / "runs" / job).rglob("weights.txt")
    return found.read_text()


@dataclass(frozen=True)
class Undisturbed:
    """`seconds` of each stage."""

    weights: str
    seconds: dict[str, float]


@pytest.fixture(scope="module")
def undisturbed(runctl: Runctl) -> Iterator[Undisturbed]:
    runctl("up", write_digits(runctl, "calm", "runctl"), "--yes", timeout=PATIENCE_SECONDS)
    phases = runctl.json("status", "calm")["status"]["phases"]
    found = {"launched": 1.0, "fetching": phases["fetch"], "setup": phases["setup"], "stopping": 0.5}
    yield Undisturbed(weights(runctl, "calm"), {**found, "running": phases["run"] - TAIL_SECONDS / 2})
    runctl("down", "calm", "--yes", timeout=PATIENCE_SECONDS)


def lost_seconds(log: str) -> list[float]:
    """Of each start after the first: how long the epochs took that are trained again."""
    trained: dict[int, float] = {}
    lost = []
    for line in log.splitlines():
        if (start := START.search(line)) is not None:
            lost.append(sum(seconds for epoch, seconds in trained.items() if epoch > int(start[1])))
            trained = {epoch: seconds for epoch, seconds in trained.items() if epoch <= int(start[1])}
        elif (epoch := EPOCH.match(line)) is not None:
            trained[int(epoch[1])] = float(epoch[2])
    return lost[1:]


def running_machines(ec2: Any, job: str) -> list[str]:
    filters: list[Any] = [
        {"Name": "tag:runctl:job", "Values": [job]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    answer = ec2.describe_instances(Filters=filters)
    return [each["InstanceId"] for group in answer["Reservations"] for each in group["Instances"]]


class Reported:
    """What the run of a job reports; read from its bucket, which costs the busy machine least."""

    def __init__(self, cloud_url: str, job: str) -> None:
        self._s3, self.ec2, self.job = client(cloud_url, "s3"), client(cloud_url, "ec2"), job

    def stage(self) -> str:
        s3, bucket = self._s3, Names(account=ACCOUNT, region=REGION, project="runctl", job=self.job).bucket()
        try:
            listed = s3.list_objects_v2(Bucket=bucket, Prefix="runs/").get("Contents", [])
            for each in listed:
                if each["Key"].endswith("/status.json"):
                    phase = json.load(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"])["phase"]
                    return str(phase) if phase in ORDER else ORDER[-1]
        except s3.exceptions.NoSuchBucket:
            pass
        return ORDER[1] if running_machines(self.ec2, self.job) else ORDER[0]

    def has_come_to(self, stage: str) -> bool:
        return ORDER.index(self.stage()) >= ORDER.index(stage)


def strike(cloud_url: str, job: str, seed: int, calm: Undisturbed) -> str:
    """Interrupts the machine of `job` at the seed's moment; what was done."""
    chance, stage = random.Random(f"{job}-{seed}"), STAGES[seed % len(STAGES)]
    reported = Reported(cloud_url, job)
    until(lambda: reported.has_come_to(stage), seconds=PATIENCE_SECONDS)
    moment, notice = chance.uniform(0, calm.seconds[stage]), chance.choice([0.0, 3.0, 20.0])
    time.sleep(moment)
    found = reported.stage()
    for machine in running_machines(reported.ec2, job):
        with contextlib.suppress(AssertionError):  # it ends at this moment
            interrupt(cloud_url, machine, notice_seconds=notice)
    return f"{moment:.1f} s after {stage} (now {found}), notice of {notice:.0f} s"


def judge(runctl: Runctl, cloud_url: str, job: str, calm: Undisturbed, done: str) -> None:
    status = runctl.json("status", job)
    assert status["phase"] == "succeeded"
    lost = lost_seconds(runctl("logs", job).out)
    runctl("down", job, "--yes", timeout=PATIENCE_SECONDS)
    assert weights(runctl, job) == calm.weights
    assert leaks(job, cloud_url) == []
    assert all(each <= INTERVAL_SECONDS + 1 for each in lost), "an interval, and the time that a save takes"
    made = len([each for each in machines(cloud_url) if each.job == job])
    assert made > 1 or "stopping" in done, f"nothing was interrupted: {done}"
    print(f"COUNTED {job}: interrupted {done}; {made} machines, {sum(lost):.2f} s lost, same weights")


@pytest.mark.parametrize("seed", range(20))
def test_while_up_follows(
    runctl: Runctl, cloud_url: str, ended: list[str], undisturbed: Undisturbed, seed: int
) -> None:
    job = f"struck-{seed}"
    ended.append(job)
    following = runctl.start("up", write_digits(runctl, job, "runctl"), "--yes")
    try:
        done = strike(cloud_url, job, seed, undisturbed)
        out, err = following.communicate(timeout=PATIENCE_SECONDS)
    finally:
        following.kill()
    assert following.returncode == 0, out + err
    judge(runctl, cloud_url, job, undisturbed, done)


@pytest.mark.parametrize("seed", range(20))
def test_with_nobody_awake(
    runctl: Runctl, cloud_url: str, ended: list[str], undisturbed: Undisturbed, seed: int
) -> None:
    job = f"alone-{seed}"
    ended.append(job)
    runctl("up", write_digits(runctl, job, "cloud"), "--yes", "--detach", timeout=PATIENCE_SECONDS)
    group = Group(runctl, job, cloud_url)
    done = strike(cloud_url, job, seed, undisturbed)
    until(group.has_ended, seconds=PATIENCE_SECONDS)
    judge(runctl, cloud_url, job, undisturbed, done)
