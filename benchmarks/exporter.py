"""A scrape of `runctl exporter serve` over many jobs, each with metrics: wall time, and that of a look.

A scrape that finds the last look too old begins another one, and waits half a second for it at most.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from benchmarks.command_line import RUNCTL
from benchmarks.thousand_jobs import COUNT, job_that_ran, make_thousand

SCRIPT = "for n in $(seq 40); do echo step=$n loss=0.$n acc=0.5 lr=0.1; done\n"
EVERY_SECONDS = 2
BAR_SECONDS = 1.0


def measure(folder: Path, rounds: int) -> None:
    with job_that_ran(folder, SCRIPT):
        make_thousand(folder, running=COUNT)
        _report(folder, max(3, rounds))


def _report(folder: Path, rounds: int) -> None:
    command = [RUNCTL, "--sandbox", "--output", "json", "exporter", "serve"]
    server = subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", "--every", f"{EVERY_SECONDS}s"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        first, text = _scrape(url)
        assert text.count("\nrunctl_run_active{") == COUNT, text[:2000]
        fresh, cached, looks = [], [], []
        for _ in range(rounds):
            time.sleep(EVERY_SECONDS)  # what is served is now too old
            seconds, text = _scrape(url)
            fresh.append(seconds)
            looks.append(float(text.split("\nrunctl_look_seconds ")[1].split()[0]))
            cached.append(_scrape(url)[0])
        print(
            f"scrape of {COUNT} jobs, {len(text) / 1e6:.2f} MB: {median(fresh):.2f} s with a new look (bar: "
            f"{BAR_SECONDS:g}), {median(cached):.3f} s from the last look, {first:.2f} s the first one; "
            f"the look itself {median(looks):.2f} s",
            flush=True,
        )
    finally:
        server.terminate()
        server.wait(60)


def _scrape(url: str) -> tuple[float, str]:
    began = time.perf_counter()
    with urlopen(url, timeout=300) as answer:
        text = answer.read().decode()
    return time.perf_counter() - began, text
