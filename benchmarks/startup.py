"""CPU time of commands that need no engine."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks.command_line import RUNCTL, run


def measure(folder: Path, rounds: int) -> None:
    for arguments in (["--help"], ["version"]):
        run(folder, [RUNCTL, *arguments])  # compiles what is not yet compiled
        costs = [run(folder, [RUNCTL, *arguments])[1].cpu for _ in range(max(rounds, 5))]
        print(f"runctl {' '.join(arguments)}: {median(costs) * 1000:.0f} ms CPU (bar for --help: 100)")
