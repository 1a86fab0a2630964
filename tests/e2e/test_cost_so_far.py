"""What a job has cost so far, against the emulated cloud's own launch history."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.cloud_keys import control
from support.counting_job import write_job
from support.emulated_cloud import client
from support.machine_events import cut_off, interrupt
from support.polling import until
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

SECONDS_OFF = 1.0
HOLDS_TWICE = """
starts=$(( $(cat ck/starts 2>/dev/null || echo 0) + 1 ))
mkdir -p ck; echo $starts > ck/starts.tmp; mv ck/starts.tmp ck/starts
echo "start $starts"
while [ $starts -lt 3 ]; do sleep 0.1; done
"""
DIGITS = Path(__file__).parents[2] / "stacks" / "examples" / "digits"


@dataclass(frozen=True)
class Launched:
    """A machine of a job in the launch history of the cloud."""

    id: str
    seconds: float


def launch_history(cloud_url: str, job: str) -> list[Launched]:
    """The machines of the job that have ended, in the order of their launch."""
    told = control(cloud_url, "GET", "instances?since=-1&timeout=0")["instances"]
    own = [each for each in told if each["tags"].get("runctl:job") == job and each["ended_at"]]
    return [
        Launched(each["id"], (moment(each["ended_at"]) - moment(each["launched_at"])).total_seconds())
        for each in sorted(own, key=lambda each: str(each["launched_at"]))
    ]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def machine_that_holds(cloud_url: str, job: str, start: int) -> str:
    """Id of the machine whose training is in its ``start``-th start and holds there."""
    s3 = client(cloud_url, "s3")
    found: list[str] = []

    def look() -> bool:
        for status in statuses(s3, job):
            machines = status["machines"]
            trains = status["phase"] == "running" and status["checkpoints"]["count"] >= start
            if trains and len(machines) == start:
                found.append(str(machines[-1]["id"]))
        return bool(found)

    until(look, seconds=300, pause=0.3)
    return found[0]


def statuses(s3: Any, job: str) -> Iterator[dict[str, Any]]:
    """As the agents wrote them."""
    for bucket in s3.list_buckets()["Buckets"]:
        if not str(bucket["Name"]).startswith(f"runctl-{job}-artifacts-"):
            continue
        for each in s3.list_objects_v2(Bucket=bucket["Name"], Prefix="runs/").get("Contents", ()):
            if each["Key"].endswith("/status.json"):
                body = s3.get_object(Bucket=bucket["Name"], Key=each["Key"])["Body"]
                yield json.loads(body.read())


@pytest.mark.parametrize("silent", [1, 2])
def test_three_machines_of_which_two_were_interrupted(
    runctl: Runctl, cloud_url: str, ended: list[str], silent: int
) -> None:
    """One of the two, the first or the second, has no last word."""
    job = f"costs-{silent}"
    ended.append(job)
    changes = {"run": HOLDS_TWICE, "spot_policy": "spot", "checkpoints": {"path": "ck", "every": "1s"}}
    process = runctl.start("up", str(write_job(runctl.folder, job, **changes)), "--yes")
    for start in (1, 2):
        machine = machine_that_holds(cloud_url, job, start)
        if start == silent:
            cut_off(cloud_url, machine)
        interrupt(cloud_url, machine, notice_seconds=0 if start == silent else 20)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err

    told = runctl.json("status", job)
    history = launch_history(cloud_url, job)
    assert [each["id"] for each in told["status"]["machines"]] == [each.id for each in history]
    assert len(history) == 3
    price = told["placement"]["price_hour"]
    expected = sum(each.seconds for each in history) * price / 3600
    print([each.seconds for each in history], told["cost"]["seconds"], end=" ")
    assert told["cost"]["machine_count"] == 3
    assert told["cost"]["machines"] == pytest.approx(expected, abs=SECONDS_OFF * price / 3600)
    assert not told["cost"]["at_least"]
    vanished = [each["ended_at"] is None for each in told["status"]["machines"]]
    assert vanished == [silent == 1, silent == 2, False]
    listed = next(each for each in runctl.json("ls")["jobs"] if each["job"] == job)
    assert listed["cost"]["machines"] == pytest.approx(told["cost"]["machines"], abs=1e-6)
    assert runctl.json("describe", job)["cost"]["machines"] == told["cost"]["machines"]


def test_the_plan_of_the_digits_job_fits_one_screen(runctl: Runctl, tmp_path: Path) -> None:
    project = Runctl(tmp_path, {**runctl.env, "COLUMNS": "80"})
    shutil.copytree(DIGITS, tmp_path / "digits")
    project("sandbox", "start")
    try:
        lines = project("preview", "digits/job.yaml").err.splitlines()
    finally:
        project("sandbox", "stop")
    print(len(lines), end=" ")
    assert any("cost in USD" in line for line in lines)
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
