"""The agent's own transfers on a machine, made of the standard library alone, against s5cmd.

Down, it stages the objects as `data:` of a job; up, it saves the files as a checkpoint. Both move the same
files to and from versitygw on the loopback of this machine. s5cmd verifies nothing; the agent compares what
arrives with the MD5 of the object, or with its CRC32 where it was stored with one, as AWS's SDK for Python
does since 2025. Seconds are those of the whole process. Sizes:
RUNCTL_BENCH_LARGE_MIB (one file, 2048), RUNCTL_BENCH_MIDDLE (1000 of 8 MiB), RUNCTL_BENCH_FILES (10000 of
64 KiB).
"""

from __future__ import annotations

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks.memory import touch_free_memory
from benchmarks.s3_tools import Server, server, tool
from benchmarks.transfer import Cost, run, write

BUCKET = "bench"
AGENT = Path(__file__).with_name("staging_agent.py")
BAR = 0.7
STREAMS = 8


def measure(folder: Path, rounds: int) -> None:
    touch_free_memory()
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
            kinds = ("s5cmd",) if count == 1 else ("s5cmd", "crc32")
            if "crc32" in kinds:
                _store_with_crc32(place, source)
            costs: dict[tuple[str, str], list[Cost]] = {}
            for _ in range(rounds):
                _round(costs, place, source, folder / "target", kinds)
            _print(f"{count} x {size >> 10} KiB", costs, bar)
            shutil.rmtree(source)
            for kind in kinds:
                shutil.rmtree(place.folder / BUCKET / kind)


def _store_with_crc32(place: Server, source: Path) -> None:
    client = place.client()

    def store(file: Path) -> None:
        client.put_object(
            Bucket=BUCKET, Key=f"crc32/{file.name}", Body=file.read_bytes(), ChecksumAlgorithm="CRC32"
        )

    with ThreadPoolExecutor(STREAMS) as several:
        list(several.map(store, source.iterdir()))


def _round(
    costs: dict[tuple[str, str], list[Cost]],
    place: Server,
    source: Path,
    target: Path,
    kinds: tuple[str, ...],
) -> None:
    s5cmd, agent = str(tool("s5cmd")), [sys.executable, str(AGENT)]
    for kind in ("s5cmd", "checkpoints"):
        shutil.rmtree(place.folder / BUCKET / kind, ignore_errors=True)
    ways = {
        ("up", "s5cmd"): [s5cmd, "cp", f"{source}/", f"s3://{BUCKET}/s5cmd/"],
        ("up", "agent"): [*agent, "save", str(source), BUCKET],
        ("down", "s5cmd"): [s5cmd, "cp", f"s3://{BUCKET}/s5cmd/*", f"{target}/"],
        ("down", "agent"): [*agent, "stage", str(target), BUCKET, "s5cmd"],
    }
    if "crc32" in kinds:
        ways["down", "agent, CRC32"] = [*agent, "stage", str(target), BUCKET, "crc32"]
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
    told = f" (bar: {bar})" if bar is not None else ""
    for (way, name), taken in costs.items():
        if name == "s5cmd":
            continue
        seconds, processor = (
            {each: median(getattr(cost, of) for cost in costs[way, each]) for each in (name, "s5cmd")}
            for of in ("seconds", "processor")
        )
        peak = max(cost.peak for cost in taken)
        print(
            f"  {way:5} {name} {seconds[name]:.2f} s ({processor[name]:.2f} cpu, {peak:.0f} MB), "
            f"s5cmd {seconds['s5cmd']:.2f} s ({processor['s5cmd']:.2f}): "
            f"{seconds['s5cmd'] / seconds[name]:.2f} of s5cmd{told}",
            flush=True,
        )
