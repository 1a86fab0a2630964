"""Ctrl-C and SIGTERM at numbered points of `up` and `down`: told, exit 130, and one `down` leaves nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from support.cloud_points import CloudPoints
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

pytestmark = pytest.mark.sandbox


def from_the_keyboard(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C does: everything that the command has started hears it."""
    os.killpg(process.pid, signal.SIGINT)


def from_outside(process: subprocess.Popen[str]) -> None:
    """As `kill` does: the command alone hears it."""
    process.terminate()


SIGNALS = {"int": from_the_keyboard, "term": from_outside}


HOLDING = {"HOLD_AT": "1", "HOLD_STARTS": "9"}


@dataclass(frozen=True)
class Point:
    """A numbered moment: a line that the command says, or a call of the provider, which is held meanwhile."""

    number: int
    of: Literal["up", "down"]
    line: str | None = None
    call: int = 0

    def __str__(self) -> str:
        return f"{self.number:02}-{self.of}-" + (self.line or f"call {self.call}").replace(" ", "-")


UP = [
    Point(1, "up", line="planning"),
    Point(2, "up", line="Plan for job"),
    Point(3, "up", line="applying"),
    Point(4, "up", call=1),
    Point(5, "up", call=3),
    Point(6, "up", call=6),
    Point(7, "up", call=9),
    Point(8, "up", call=12),
    Point(9, "up", line="machine-instance (ec2 Instance)"),
    Point(10, "up", line="training runs"),
    Point(11, "up", line="training succeeded"),
    Point(12, "up", line="releasing the machine"),
]
DOWN = [
    Point(13, "down", line="planning"),
    Point(14, "down", line="stopping the training"),
    Point(15, "down", line="fetching artifacts"),
    Point(16, "down", line="deleting"),
    Point(17, "down", call=1),
    Point(18, "down", call=4),
    Point(19, "down", call=8),
    Point(20, "down", line="looking for what is left"),
]


@dataclass(frozen=True)
class Interrupted:
    code: int
    err: str


def interrupted_at(
    point: Point, runctl: Runctl, url: str, interrupt: Callable[[subprocess.Popen[str]], None], *command: str
) -> Interrupted:
    points = CloudPoints(url)
    if point.call:
        points.hold(point.call, "after")
    process = runctl.start(*command)
    try:
        told = _until(process, point.line) if point.line else ""
        if point.call:
            points.wait()
        interrupt(process)
        if point.call:
            points.release()
        _, err = process.communicate(timeout=120)
    finally:
        points.clear()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return Interrupted(process.returncode, told + err)


def _until(process: subprocess.Popen[str], text: str) -> str:
    told = ""
    assert process.stderr is not None
    for line in process.stderr:
        told += line
        if text in line and not line.startswith("  +"):
            return told
    pytest.fail(f"it never said {text!r}: {told}")


def assert_told(found: Interrupted, job: str) -> None:
    assert found.code == 130, found.err
    assert "Traceback" not in found.err
    assert found.err.count("Interrupted.") == 1, found.err
    assert f"runctl down {job}" in found.err


def nothing_left_after_down(runctl: Runctl, job: str, url: str) -> None:
    receipt = runctl.json("down", job, "--yes", "--grace", "1", "--discard-artifacts")
    assert receipt["nothing_left"]
    assert receipt["stack_removed"]
    assert leaks(job, url) == []
    assert processes_for(job) == []


def processes_for(job: str) -> list[str]:
    """Engines, programs and policy packs that were started for this stack and live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"PULUMI_STACK={job}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_ctrl_c_while_the_cloud_is_changed(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("ctrlc")
    job = write_job(runctl.folder, "ctrlc")
    found = interrupted_at(UP[6], runctl, cloud_url, from_the_keyboard, "up", str(job), "--yes")
    assert_told(found, "ctrlc")
    assert "safe end" in found.err
    assert "Plan for job 'ctrlc'" in found.err, "--yes skips the question, never the plan"
    assert leaks("ctrlc", cloud_url), "it was in the middle"
    nothing_left_after_down(runctl, "ctrlc", cloud_url)


@pytest.mark.matrix
@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("index", range(len(UP)), ids=[str(point) for point in UP])
def test_each_point(runctl: Runctl, cloud_url: str, ended: list[str], index: int, name: str) -> None:
    """A life: `up` interrupted; then, as far as there are points of it, `up` to its end and `down`
    interrupted; then `down`."""
    job, interrupt = f"at-{index + 1}-{name}", SIGNALS[name]
    ended.append(job)
    # An engine may take longer to end than a short training: what is to be seen running waits.
    held = {"env": HOLDING} if UP[index].line == "training runs" else {}
    first = write_job(runctl.folder, job, **held)
    assert_told(interrupted_at(UP[index], runctl, cloud_url, interrupt, "up", str(first), "--yes"), job)
    counted = 1
    if index < len(DOWN):
        slow = write_job(runctl.folder, job, env=HOLDING)
        runctl.json("up", str(slow), "--yes", "--detach")
        wait_for_step(runctl, job, 1)
        down = ("down", job, "--yes", "--grace", "3")
        assert_told(interrupted_at(DOWN[index], runctl, cloud_url, interrupt, *down), job)
        counted = 2
    nothing_left_after_down(runctl, job, cloud_url)
    print(f"interrupted {counted} time(s) with SIG{name.upper()}: {UP[index]}", end=" ")


@pytest.mark.matrix
def test_the_second_ctrl_c_leaves_a_stack_that_down_can_end(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("second")
    job = write_job(runctl.folder, "second")
    points = CloudPoints(cloud_url)
    points.hold(9, "after")
    process = runctl.start("up", str(job), "--yes")
    try:
        points.wait()
        from_the_keyboard(process)
        _until(process, "safe end")
        from_the_keyboard(process)
        process.communicate(timeout=120)  # while its engine's call is still held
    finally:
        points.release()
        points.clear()
    assert process.returncode == 130
    nothing_left_after_down(runctl, "second", cloud_url)


@pytest.mark.matrix
@pytest.mark.parametrize("name", SIGNALS)
def test_following_is_left_and_the_job_goes_on(
    runctl: Runctl, cloud_url: str, ended: list[str], tmp_path: Path, name: str
) -> None:
    job = f"follow-{name}"
    ended.append(job)
    file = write_job(runctl.folder, job, env={"HOLD_AT": "1"})
    runctl.json("up", str(file), "--yes", "--detach")
    for command in (("logs", "-f", job), ("status", "--watch", job)):
        process = runctl.start(*command)
        assert process.stdout is not None
        process.stdout.readline()
        SIGNALS[name](process)
        _, err = process.communicate(timeout=120)
        assert_told(Interrupted(process.returncode, err), job)
    assert runctl.json("status", job)["machine"]["state"] == "running"
    nothing_left_after_down(runctl, job, cloud_url)
