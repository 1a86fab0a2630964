"""`up` of a job of this machine: how much later its first line comes than of the same command by hand.

Setup has been done in both cases. By hand is the job's own shell in the work folder; `up` begins with the
program `runctl` and ends with the line on its standard output.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.command_line import RUNCTL, run

BAR_SECONDS = 0.6
_LINE = b"the first line of training"
_JOB = f"name: quick\nprovider: local\nrun: echo {_LINE.decode()}\n"


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl.toml").touch()
    (folder / "job.yaml").write_text(_JOB)
    up = [RUNCTL, "up", "job.yaml", "--provider", "local", "--yes"]
    overheads = []
    for number in range(max(rounds, 5) + 1):
        by_hand = _first_line(["bash", "-e", "-c", f"echo {_LINE.decode()}"], folder)
        by_runctl = _first_line(up, folder)
        run(folder, [RUNCTL, "down", "quick", "--yes"])
        if number:  # the first one compiles what is not yet compiled
            overheads.append(by_runctl - by_hand)
    print(
        f"up to the first line, over the command by hand: {median(overheads):.2f} s "
        f"({min(overheads):.2f} to {max(overheads):.2f}; bar: {BAR_SECONDS})"
    )


def _first_line(command: Sequence[str], folder: Path) -> float:
    """Seconds from the start of the program to the line."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        seconds = next((time.perf_counter() - began for line in process.stdout if _LINE in line), None)
        process.stdout.read()
    if seconds is None:
        raise RuntimeError(f"{command[0]} did not print the line (code {process.returncode})")
    return seconds
