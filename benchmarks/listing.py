"""`runctl ls` over many jobs with status: CPU of runctl and of the engine that it calls, and wall time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.command_line import RUNCTL, ask, run

COUNT = 1000
RUNNING = ((20, 0.7), (COUNT, 1.7))
"""How many of the jobs run, and the bar in seconds of CPU."""
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
            _copy(folder, range(1, COUNT), running=running)
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


def _copy(folder: Path, numbers: range, *, running: int) -> None:
    """Copies of the job that ran: stack, history, settings, bucket and status, without an engine. The last
    ``running`` of them run.
    """
    from runctl_auto.cli.console import Console
    from runctl_auto.cli.invocation import Invocation
    from runctl_auto.jobs.job import parse_config
    from runctl_auto.providers.aws.clients import client_maker

    here = Path.cwd()
    os.chdir(folder)
    try:
        place = Invocation(Console(), {("sandbox",): True}).session()
    finally:
        os.chdir(here)
    state = Path(place.environment.backend.removeprefix("file://")) / ".pulumi"
    stack = (state / "stacks" / "runctl" / f"{TEMPLATE}.json").read_text()
    settings_file = place.folders.workspace() / f"Pulumi.{TEMPLATE}.yaml"
    settings = settings_file.read_text()
    config = parse_config(place.driver.config_of(TEMPLATE))
    assert config is not None
    where = config.placement
    results = place.provider(where.region).results
    status = results(TEMPLATE, where.account).status(config.run.id)
    s3 = client_maker(place.environment.endpoint_url)("s3", where.region)
    assert status is not None

    for number in numbers:
        name = f"{TEMPLATE}-{number:04}"
        renamed = re.compile(rf"\b{TEMPLATE}\b")
        (state / "stacks" / "runctl" / f"{name}.json").write_text(renamed.sub(name, stack))
        shutil.copytree(
            state / "history" / "runctl" / TEMPLATE, state / "history" / "runctl" / name, dirs_exist_ok=True
        )
        settings_file.with_name(f"Pulumi.{name}.yaml").write_text(renamed.sub(name, settings))
        bucket = results(name, where.account).name
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=bucket)
        document: dict[str, Any] = {**status.raw, "job": name}
        now = datetime.now(timezone.utc)
        document["updated_at"] = now.isoformat()
        if number >= numbers.stop - running:
            # Ahead, so that nobody asks whether its machine is there; five minutes are still believed.
            seen = (now + timedelta(minutes=4.9)).isoformat()
            machine = {**document["machines"][-1], "seen_at": seen, "ended_at": None}
            document.update(phase="running", ended_at=None, updated_at=seen, machines=[machine])
        s3.put_object(
            Bucket=bucket, Key=f"runs/{config.run.id}/status.json", Body=json.dumps(document).encode()
        )
