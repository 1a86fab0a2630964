"""Waits for what a job does, by asking runctl, with a limit."""

from __future__ import annotations

import re
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


def wait_for_step(runctl: Runctl, job: str, step: int, seconds: float = 60) -> None:
    """Until the counting job has told that it did `step`."""
    deadline = time.monotonic() + seconds
    while True:
        ran = runctl("logs", job, code=None)
        done = [int(number) for number in re.findall(r"^step (\d+)", ran.out, re.MULTILINE)]
        if done and max(done) >= step:
            return
        assert time.monotonic() < deadline, f"{job} did not get to step {step}: {ran.text[-800:]}"
        time.sleep(0.5)
