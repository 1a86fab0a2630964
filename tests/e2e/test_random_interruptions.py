"""Digits, interrupted at random moments: it ends with the weights of a run that nobody disturbed.

The moments are seeded and lie anywhere between the launch and the end: boot, setup, restoring, training,
saving and uploading. With `recovery: cloud` no runctl is alive from the end of `up --detach` to
the end of the group.
"""

from __future__ import annotations

import contextlib
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.emulated_cloud import client
from support.machine_events import interrupt
from support.machine_groups import Group, until
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

EXAMPLE = Path(__file__).parents[2] / "stacks" / "examples" / "digits"
EPOCHS = 12
INTERVAL_SECONDS = 2.0
PATIENCE_SECONDS = 600
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
        run=f".venv/bin/python -u train.py --epochs {EPOCHS} && .venv/bin/python weights.py",
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
    """`seconds` from the launch of the machine to its end."""

    weights: str
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(runctl: Runctl, cloud_url: str) -> Iterator[Undisturbed]:
    runctl("up", write_digits(runctl, "calm", "runctl"), "--yes", timeout=PATIENCE_SECONDS)
    began = runctl.json("status", "calm")["status"]
    seconds = _moment(began["ended_at"]) - _moment(began["started_at"])
    yield Undisturbed(weights(runctl, "calm"), seconds + 3)
    runctl("down", "calm", "--yes")


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


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


def running_machines(cloud_url: str, job: str) -> list[str]:
    filters: list[Any] = [
        {"Name": "tag:runctl:job", "Values": [job]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    answer = client(cloud_url, "ec2").describe_instances(Filters=filters)
    return [each["InstanceId"] for group in answer["Reservations"] for each in group["Instances"]]


def strike(cloud_url: str, job: str, chance: random.Random, seconds: float) -> str:
    """Interrupts the machine of `job` at a moment of its undisturbed time; what was done."""
    until(lambda: bool(running_machines(cloud_url, job)))
    moment, notice = chance.uniform(0, seconds), chance.choice([0.0, 3.0, 20.0])
    time.sleep(moment)
    for machine in running_machines(cloud_url, job):
        with contextlib.suppress(AssertionError):  # it ends at this moment
            interrupt(cloud_url, machine, notice_seconds=notice)
    return f"{moment:.1f} s after the launch, notice of {notice:.0f} s"


def judge(runctl: Runctl, cloud_url: str, job: str, calm: Undisturbed, done: str) -> None:
    status = runctl.json("status", job)
    assert status["phase"] == "succeeded"
    lost = lost_seconds(runctl("logs", job).out)
    runctl("down", job, "--yes")
    assert weights(runctl, job) == calm.weights
    assert leaks(job, cloud_url) == []
    assert all(each <= INTERVAL_SECONDS + 1 for each in lost), "an interval, and the time that a save takes"
    machines = len(status["status"].get("machines") or [])
    print(f"COUNTED {job}: interrupted {done}; {machines} machines, {sum(lost):.2f} s lost, same weights")


@pytest.mark.parametrize("seed", range(20))
def test_while_up_follows(
    runctl: Runctl, cloud_url: str, ended: list[str], undisturbed: Undisturbed, seed: int
) -> None:
    job = f"struck-{seed}"
    ended.append(job)
    following = runctl.start("up", write_digits(runctl, job, "runctl"), "--yes")
    try:
        done = strike(cloud_url, job, random.Random(seed), undisturbed.seconds)
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
    runctl("up", write_digits(runctl, job, "cloud"), "--yes", "--detach")
    group = Group(runctl, job, cloud_url)
    done = strike(cloud_url, job, random.Random(100 + seed), undisturbed.seconds)
    until(group.has_ended, seconds=PATIENCE_SECONDS)
    judge(runctl, cloud_url, job, undisturbed, done)
