"""A backend of 1,000 jobs, of which some run: one that ran, and copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.command_line import RUNCTL, ask, run
from benchmarks.many_jobs import copy_jobs

COUNT = 1000
STILL_BELIEVED = timedelta(minutes=4.9)
"""So far ahead a heartbeat counts, so that nobody asks whether the machines of the copies are there."""
TEMPLATE = "many"
_JOB = f"""\
name: {TEMPLATE}
provider: aws
region: us-east-1
workdir: work
run: sh train.sh
tags: {{team: nlp}}
resources: {{instance_types: [m5.large], disk: 10GB}}
"""


@contextmanager
def job_that_ran(folder: Path, script: str = "true\n") -> Iterator[None]:
    """Within it the project ``folder`` has a sandbox with one job, which ran ``script``."""
    (folder / ".runctl").mkdir(mode=0o700)
    (folder / "work").mkdir()
    (folder / "work" / "train.sh").write_text(script)
    (folder / "job.yaml").write_text(_JOB)
    try:
        ask(folder, "up", "job.yaml", "--yes")
        yield
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


def make_thousand(folder: Path, *, running: int) -> None:
    """Copies the job until there are ``COUNT``, the last ``running`` of which run. May be repeated."""
    copy_jobs(folder, TEMPLATE, range(1, COUNT), running=running, ahead=STILL_BELIEVED)
    shutil.rmtree(folder / ".runctl" / "statuses", ignore_errors=True)  # of those that run now
