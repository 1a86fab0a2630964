"""Runs `runctl --sandbox` in a project folder, and measures the cost of a run."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNCTL = str(Path(sys.executable).with_name("runctl"))


@dataclass(frozen=True)
class Cost:
    """Wall and CPU time of one command and its child processes, in seconds."""

    wall: float
    cpu: float


def run(folder: Path, command: list[str], *, env: dict[str, str] | None = None) -> tuple[str, Cost]:
    """Output and cost of `command`; raises when the command fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, Cost(wall, cpu)


def ask(folder: Path, *arguments: str) -> Any:
    out, _ = run(folder, [RUNCTL, "--sandbox", "--output", "json", *arguments])
    return json.loads(out)
