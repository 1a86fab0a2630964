"""Kills `runctl`, its engine or the provider at one numbered point of an operation."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Literal

from support.checkpoint_writes import CheckpointWrites
from support.cloud_points import CloudPoints, Held
from support.cloud_scanner import Found, leaks
from support.runctl_cli import Runctl

Who = Literal["alone", "group", "provider", "around"]
"""runctl alone, while its engine keeps running; its process group and the provider; the provider alone;
runctl and the provider, while the engine keeps running."""

_EFFECTS: dict[str, tuple[str, bool, bool]] = {
    "ec2:CreateLaunchTemplate": ("launch-template", False, True),
    "ec2:CreateSecurityGroup": ("security-group", False, True),
    "ec2:CreatePlacementGroup": ("placement-group", False, True),
    "ec2:CreateVolume": ("volume", False, True),
    "ec2:CreateSnapshot": ("snapshot", False, True),
    "ec2:CopySnapshot": ("snapshot", False, True),
    "ec2:RunInstances": ("instance", False, True),
    "iam:CreateInstanceProfile": ("instance-profile", False, True),
    "iam:CreateRole": ("role", False, True),
    "s3:CreateBucket": ("bucket", False, True),
    "ec2:DeleteLaunchTemplate": ("launch-template", True, False),
    "ec2:DeleteSecurityGroup": ("security-group", True, False),
    "ec2:DeletePlacementGroup": ("placement-group", True, False),
    "ec2:DeleteSnapshot": ("snapshot", True, False),
    "ec2:DeleteVolume": ("volume", True, False),
    "iam:DeleteInstanceProfile": ("instance-profile", True, False),
    "iam:DeleteRole": ("role", True, False),
    "s3:DeleteBucket": ("bucket", True, False),
}
"""By call: the kind it creates or deletes, and whether the job has one before and after it."""


@dataclass(frozen=True)
class Point:
    """A numbered point: a `cloud` call of the provider, or a `write` of the checkpoint. With `call` only
    cloud calls of this name are numbered: their place among others differs from run to run.
    """

    of: Literal["cloud", "write"]
    number: int
    when: Literal["before", "after"]
    who: Who
    call: str = ""

    @property
    def name(self) -> str:
        return f"{self.of}-{self.number:02}-{self.when}-{self.who}"


@dataclass(frozen=True)
class Killed:
    """Result of a kill: the interrupted call, and the job's resources in the cloud at that time."""

    at: str
    held: tuple[Found, ...]

    @property
    def kinds(self) -> str:
        names = [found.kind for found in self.held]
        return ", ".join(f"{names.count(kind)} {kind}" for kind in sorted(set(names))) or "nothing"


@dataclass(frozen=True)
class Crash:
    """Commands on one job that are killed at a point. Nothing else may use the provider meanwhile."""

    runctl: Runctl
    job: str
    several: bool = False
    """Whether the job has several machines, so that others are there before and after each call."""

    def kill_at(self, point: Point, *command: str) -> Killed:
        """Run `command` and kill at `point`; return the result. Asserts a cloud call's effect first."""
        place = self.runctl.json("sandbox", "status")
        provider = next(each["pid"] for each in place["processes"] if each["name"] == "provider")
        url = str(place["cloud_url"])
        if point.of == "cloud":
            killed = self._at_call(point, command, url, provider)
        else:
            killed = self._at_write(point, command, url, provider)
        return killed

    def writes(self) -> CheckpointWrites:
        """Writes of the job's checkpoint."""
        cloud = str(self.runctl.json("sandbox", "status")["cloud_id"])
        return CheckpointWrites(self.runctl.folder / ".runctl/sandbox/clouds" / cloud / "state", self.job)

    def _at_call(self, point: Point, command: tuple[str, ...], url: str, provider: int) -> Killed:
        points = CloudPoints(url)
        points.hold(point.number, point.when, call=point.call)
        process = self.runctl.start(*command)
        try:
            cut = _wait_at(points, process)
            held = leaks(self.job, url)
            assert_effect(cut.call, point.when, held, several=self.several)
            _kill(point.who, process, provider)
            points.release(drop=point.who != "alone")
            _end(point.who, process, must_fail=True)
        finally:
            points.clear()
            _end_surely(process)
        if point.who == "group":  # no process is left to change anything
            assert_effect(cut.call, point.when, leaks(self.job, url), several=self.several)
        return Killed(cut.call, tuple(held))

    def _at_write(self, point: Point, command: tuple[str, ...], url: str, provider: int) -> Killed:
        watch = self.writes().watch()
        process = self.runctl.start(*command)
        try:
            came = watch.at(
                point.number,
                point.when,
                lambda: _kill(point.who, process, provider),
                lambda: process.poll() is None,
            )
            assert came, f"{point.name}: the command ended before that write"
            held = leaks(self.job, url)
            _end(point.who, process, must_fail=False)
        finally:
            watch.close()
            _end_surely(process)
        return Killed("the checkpoint", tuple(held))


def assert_effect(call: str, when: str, held: list[Found], *, several: bool = False) -> None:
    """Assert that the job's resources in the cloud are as expected before or after the call."""
    kind, before, after = _EFFECTS.get(call, ("", True, True))
    expected = before if when == "before" else after
    exists = any(found.kind == kind for found in held) if kind else bool(held)
    if several and exists and kind in ("instance", "launch-template"):
        return
    assert exists == expected, f"{when} {call}: {kind or 'anything'} exists: {exists}; held: {held}"


def _wait_at(points: CloudPoints, process: subprocess.Popen[str], seconds: float = 240) -> Held:
    """The held call; fails with the command's output when it ends without reaching it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        held = points.held(timeout=1.0)
        if held is not None:
            return held
        if process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"the command ended without that call; seen: {points.seen()}\n{out}\n{err}")
    raise AssertionError(f"no call was held within {seconds} s; seen: {points.seen()}")


def _kill(who: Who, process: subprocess.Popen[str], provider: int) -> None:
    if who in ("alone", "around"):
        process.kill()
    elif who == "group":
        os.killpg(process.pid, signal.SIGKILL)
    if who != "alone":
        os.kill(provider, signal.SIGKILL)


def _end(who: Who, process: subprocess.Popen[str], *, must_fail: bool) -> None:
    """A killed command has ended; one whose provider died during a call fails by itself."""
    if who != "provider":
        process.wait(timeout=120)
        return
    out, err = process.communicate(timeout=120)
    assert process.returncode != -signal.SIGKILL
    assert not must_fail or process.returncode != 0, f"its provider died, it ended well\n{out}\n{err}"


def _end_surely(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
