"""Waits for a job's progress by querying runctl, with a limit."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable
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

    def is_there(line: str) -> bool:
        done = re.match(r"step (\d+)", line)
        return done is not None and int(done.group(1)) >= step

    _wait_for(runctl, job, is_there, f"step {step}", seconds)


def wait_for_line(runctl: Runctl, job: str, text: str, seconds: float = 90) -> None:
    """Wait until a line of the log has `text`; keeps polling while the job does not exist yet."""
    _wait_for(runctl, job, lambda line: text in line, text, seconds)


def _wait_for(runctl: Runctl, job: str, is_there: Callable[[str], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _follows_to(runctl, job, is_there, deadline):
        assert time.monotonic() < deadline, f"{job} did not get to {what}"
        time.sleep(0.5)


def _follows_to(runctl: Runctl, job: str, is_there: Callable[[str], bool], deadline: float) -> bool:
    process = runctl.start("logs", "-f", job)
    limit = threading.Timer(max(0.0, deadline - time.monotonic()), process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        return any(is_there(line) for line in process.stdout)
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
