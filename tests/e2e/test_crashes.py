"""runctl or its engine killed while it makes things: one later command puts it right."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox


def kill_one(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    os.killpg(pid, signal.SIGKILL)


def up_killed(runctl: Runctl, job: Path, *, after: str, seconds: float, kill: Callable[[int], None]) -> None:
    """``up`` that is killed some time after its engine has told that ``after`` was created."""
    process = runctl.start("up", str(job), "--yes", "--detach")
    assert process.stderr is not None
    for line in process.stderr:
        if f"created {after}" in line:
            time.sleep(seconds)
            break
    else:
        pytest.fail(f"{after} was never created")
    kill(process.pid)
    process.stderr.close()
    process.wait()


def instances(job: str, cloud_url: str) -> list[str]:
    return [found.id for found in leaks(job, cloud_url) if found.kind == "instance"]


@dataclass(frozen=True)
class Moment:
    """When ``up`` is killed: so many seconds after its engine told that ``after`` was created."""

    name: str
    after: str
    seconds: float
    kill: Callable[[int], None]


MOMENTS = [
    Moment("early-alone", "iam-role", 0.0, kill_one),
    Moment("early-all", "artifacts-bucket", 0.0, kill_group),
    Moment("late-all", "spec", 0.3, kill_group),
    Moment("late-alone", "spec", 0.3, kill_one),
]


IN_FULL_ONLY = ("early-alone", "early-all", "late-alone")


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(
            moment, id=moment.name, marks=[pytest.mark.matrix] if moment.name in IN_FULL_ONLY else []
        )
        for moment in MOMENTS
    ],
)
def test_one_down_leaves_nothing(runctl: Runctl, cloud_url: str, ended: list[str], moment: Moment) -> None:
    name = moment.name
    ended.append(name)
    job = write_job(runctl.folder, name, env={"STEPS": "600"})
    up_killed(runctl, job, after=f"{name}-{moment.after}", seconds=moment.seconds, kill=moment.kill)
    receipt = runctl.json("down", name, "--yes", "--grace", "1")
    assert receipt["nothing_left"]
    assert receipt["stack_removed"]
    assert leaks(name, cloud_url) == []


@pytest.mark.matrix
def test_up_after_a_crash_goes_on_with_one_machine(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("again")
    job = write_job(runctl.folder, "again", env={"STEPS": "600"})
    up_killed(runctl, job, after="again-spec", seconds=0.4, kill=kill_group)
    runctl.json("up", str(job), "--yes", "--detach")
    alive = instances("again", cloud_url)
    assert alive == [runctl.json("outputs", "again")["instanceId"]]
    assert runctl.json("down", "again", "--yes", "--grace", "1")["nothing_left"]
    assert leaks("again", cloud_url) == []
