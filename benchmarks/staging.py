"""The agent's own transfers on a machine, made of the standard library alone, against s5cmd.

Down, it stages the objects as `data:` of a job; up, it saves the files as a checkpoint. Both move the same
files to and from versitygw on the loopback of this machine. Seconds are those of the whole process. Sizes:
RUNCTL_BENCH_LARGE_MIB (one file, 2048), RUNCTL_BENCH_MIDDLE (1000 of 8 MiB), RUNCTL_BENCH_FILES (10000 of
64 KiB).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from statistics import median

from benchmarks.s3_tools import Server, server, tool
from benchmarks.transfer import Cost, run, write

BUCKET = "bench"
AGENT = Path(__file__).with_name("staging_agent.py")
BAR = 0.7


def measure(folder: Path, rounds: int) -> None:
    shapes = (
        (1, int(os.environ.get("RUNCTL_BENCH_LARGE_MIB", "2048")) << 20, BAR),
        (int(os.environ.get("RUNCTL_BENCH_MIDDLE", "1000")), 8 << 20, BAR),
        (int(os.environ.get("RUNCTL_BENCH_FILES", "10000")), 64 << 10, None),
    )
    with server(folder / "server") as place:
        place.client().create_bucket(Bucket=BUCKET)
        for count, size, bar in shapes:
            source = folder / "source"
            write(source, count, size)
            costs: dict[tuple[str, str], list[Cost]] = {}
            for _ in range(rounds):
                _round(costs, place, source, folder / "target")
            _print(f"{count} x {size >> 10} KiB", costs, bar)
            shutil.rmtree(source)
            shutil.rmtree(place.folder / BUCKET / "s5cmd")


def _round(costs: dict[tuple[str, str], list[Cost]], place: Server, source: Path, target: Path) -> None:
    s5cmd, agent = str(tool("s5cmd")), [sys.executable, str(AGENT)]
    for kind in ("s5cmd", "checkpoints"):
        shutil.rmtree(place.folder / BUCKET / kind, ignore_errors=True)
    ways = {
        ("up", "s5cmd"): [s5cmd, "cp", f"{source}/", f"s3://{BUCKET}/s5cmd/"],
        ("up", "agent"): [*agent, "save", str(source), BUCKET],
        ("down", "s5cmd"): [s5cmd, "cp", f"s3://{BUCKET}/s5cmd/*", f"{target}/"],
        ("down", "agent"): [*agent, "stage", str(target), BUCKET],
    }
    expected = sum(each.stat().st_size for each in source.iterdir())
    for key, command in ways.items():
        if key[0] == "down":
            target.mkdir()
        costs.setdefault(key, []).append(run(command, place))
        if key[0] == "down":
            assert sum(each.stat().st_size for each in target.iterdir()) == expected, key
            shutil.rmtree(target)
    shutil.rmtree(place.folder / BUCKET / "checkpoints")


def _print(title: str, costs: dict[tuple[str, str], list[Cost]], bar: float | None) -> None:
    print(title)
    for way in ("up", "down"):
        seconds, processor = (
            {name: median(getattr(cost, of) for cost in costs[way, name]) for name in ("agent", "s5cmd")}
            for of in ("seconds", "processor")
        )
        peak = max(cost.peak for cost in costs[way, "agent"])
        told = f" (bar: {bar})" if bar is not None else ""
        print(
            f"  {way:5} agent {seconds['agent']:.2f} s ({processor['agent']:.2f} cpu, {peak:.0f} MB), "
            f"s5cmd {seconds['s5cmd']:.2f} s ({processor['s5cmd']:.2f}): "
            f"{seconds['s5cmd'] / seconds['agent']:.2f} of s5cmd{told}",
            flush=True,
        )
