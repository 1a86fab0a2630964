"""Waits for a job's progress by querying runctl, with a limit."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from typing import Any

from support.runctl_cli import Runctl


def wait_for_phase(runctl: Runctl, job: str, phases: set[str], seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        status: dict[str, Any] = runctl.json("status", job)
        if status["phase"] in phases:
            return status
        assert time.monotonic() < deadline, f"{job} is {status['phase']}, not one of {phases}"
        time.sleep(0.5)


def wait_for_step(runctl: Runctl, job: str, step: int, seconds: float = 90) -> None:
    """Wait until the counting job has reported `step`; keeps polling while the job does not exist yet."""
    deadline = time.monotonic() + seconds
    while not _follows_to(runctl, job, step, deadline):
        assert time.monotonic() < deadline, f"{job} did not get to step {step}"
        time.sleep(0.5)


def _follows_to(runctl: Runctl, job: str, step: int, deadline: float) -> bool:
    process = runctl.start("logs", "-f", job)
    limit = threading.Timer(max(0.0, deadline - time.monotonic()), process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            done = re.match(r"step (\d+)", line)
            if done and int(done.group(1)) >= step:
                return True
        return False
    finally:
        limit.cancel()
        process.kill()
        process.communicate()


def await_output(process: subprocess.Popen[str], text: str) -> None:
    """Blocks until the command has printed ``text``; fails when it ends before."""
    assert process.stdout is not None
    seen = ""
    while text not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
