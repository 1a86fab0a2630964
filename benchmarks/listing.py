"""`runctl ls` over many jobs with status: CPU of runctl and of the engine that it calls, and wall time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.command_line import ask
from benchmarks.thousand_jobs import COUNT, job_that_ran, make_thousand

RUNNING = ((20, 0.7), (COUNT, 1.7))
"""How many of the jobs run, and the bar in seconds of CPU."""


def measure(folder: Path, rounds: int) -> None:
    with job_that_ran(folder):
        for running, bar in RUNNING:
            make_thousand(folder, running=running)
            _report(folder, running, bar, max(3, rounds))


def _report(folder: Path, running: int, bar: float, rounds: int) -> None:
    listed = ask(folder, "ls")["jobs"]
    phases = [each["phase"] for each in listed]
    assert len(listed) == COUNT, f"{len(listed)} of {COUNT}"
    assert phases.count("running") == min(running, COUNT - 1), phases.count("running")
    assert all(each["cost"]["usd"] for each in listed)
    whole = [_cost(folder) for _ in range(rounds)]
    print(
        f"ls of {COUNT} jobs of which {running} run: {median(each[0] for each in whole):.2f} s CPU of runctl "
        f"(bar: {bar:g}), {median(each[1] for each in whole):.2f} s CPU of its engine, "
        f"{median(each[2] for each in whole):.2f} s in all",
        flush=True,
    )


_MEASURED = """\
import resource, sys
from runctl_auto.cli.main import main
try:
    main()
finally:
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    print(own.ru_utime + own.ru_stime, below.ru_utime + below.ru_stime, file=sys.stderr)
"""


def _cost(folder: Path) -> tuple[float, float, float]:
    """CPU of runctl itself including its start, CPU of its child processes, wall time."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "--sandbox", "ls"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    wall = time.perf_counter() - began
    own, below = done.stderr.split()[-2:]
    return float(own), float(below), wall
