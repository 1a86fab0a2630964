"""`runctl ls` over many jobs with status: CPU of runctl and of the engine that it calls, and wall time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.command_line import RUNCTL, ask, run
from benchmarks.many_jobs import copy_jobs

COUNT = 1000
RUNNING = ((20, 0.7), (COUNT, 1.7))
"""How many of the jobs run, and the bar in seconds of CPU."""
STILL_BELIEVED = timedelta(minutes=4.9)
"""So far ahead a heartbeat counts, so that nobody asks whether the machines of the copies are there."""
TEMPLATE = "listed"
JOB = f"""\
name: {TEMPLATE}
provider: aws
region: us-east-1
workdir: work
run: sh train.sh
tags: {{team: nlp}}
resources: {{instance_types: [m5.large], disk: 10GB}}
"""


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    (folder / "work").mkdir()
    (folder / "work" / "train.sh").write_text("true\n")
    (folder / "job.yaml").write_text(JOB)
    try:
        ask(folder, "up", "job.yaml", "--yes")
        for running, bar in RUNNING:
            copy_jobs(folder, TEMPLATE, range(1, COUNT), running=running, ahead=STILL_BELIEVED)
            shutil.rmtree(folder / ".runctl" / "statuses", ignore_errors=True)  # of those that run now
            _report(folder, running, bar, max(3, rounds))
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


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
from runctl_auto.cli.main import run
code = run(sys.argv[1:])
own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
print(own.ru_utime + own.ru_stime, below.ru_utime + below.ru_stime, file=sys.stderr)
sys.exit(code)
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
