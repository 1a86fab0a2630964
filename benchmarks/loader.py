"""The written loader beside naive boto3 and s3torchconnector: samples a second, and time to the first batch.

``LOADER_PYTHON`` names a Python with torch, obstore, s3torchconnector and boto3, which are no part of runctl.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.s3_tools import REGION, Server, server
from runctl_auto.transfer.loader.writing import LoaderSettings, loader_text

BUCKET, PREFIX = "samples", "set"
COUNT, SIZE, WORKERS = 4_000, 64 * 1024, 2
READERS = ("runctl", "boto3", "s3torchconnector map", "s3torchconnector iterable")
SCRIPT = Path(__file__).with_name("loader_readers.py")


@dataclass(frozen=True)
class Figures:
    """Of one loader: the median of all rounds."""

    samples_second: float
    first_batch: float


def measure(folder: Path, rounds: int) -> None:
    python = os.environ.get("LOADER_PYTHON")
    if not python:
        print("LOADER_PYTHON names no Python with torch, obstore, s3torchconnector and boto3: not measured")
        return
    with server(folder / "buckets") as store:
        fill(store)
        told(compare(store, folder, rounds, [python], {}))


def fill(store: Server, count: int = COUNT, size: int = SIZE) -> None:
    """Puts ``count`` objects of ``size`` bytes below the prefix."""
    client = store.client()
    client.create_bucket(Bucket=BUCKET)
    body = os.urandom(size)
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda number: client.put_object(
                    Bucket=BUCKET, Key=f"{PREFIX}/{number % 10}/{number:06}.bin", Body=body
                ),
                range(count),
            )
        )


def compare(
    store: Server, folder: Path, rounds: int, python: list[str], environment: Mapping[str, str]
) -> dict[str, Figures]:
    """The figures of each reader. They take turns, so that a busy machine slows down all of them."""
    source = f"s3://{BUCKET}/{PREFIX}"
    settings = LoaderSettings(
        job="bench",
        source=source,
        path="data",
        strategy="direct",
        form="files",
        region=REGION,
        workers=WORKERS,
        in_flight=32,
    )
    (folder / "loader.py").write_text(loader_text(settings))
    rates: dict[str, list[float]] = {each: [] for each in READERS}
    firsts: dict[str, list[float]] = {each: [] for each in READERS}
    for _ in range(rounds):
        for name in READERS:
            report = folder / "report.json"
            subprocess.run(
                [*python, str(SCRIPT), name, source, str(WORKERS), str(report)],
                cwd=folder,
                env={**os.environ, **store.variables, "AWS_DEFAULT_REGION": REGION, **environment},
                check=True,
                timeout=600,
            )
            found = json.loads(report.read_text())
            if (found["samples"], found["bytes"]) != (COUNT, COUNT * SIZE):
                raise RuntimeError(f"{name} read {found}")
            rates[name].append(found["samples"] / found["seconds"])
            firsts[name].append(found["first_batch"])
    return {
        name: Figures(statistics.median(rates[name]), statistics.median(firsts[name])) for name in READERS
    }


def told(found: Mapping[str, Figures]) -> None:
    own = found["runctl"]
    for name, figures in found.items():
        ratio = own.samples_second / figures.samples_second
        print(
            f"{name:<27} {figures.samples_second:7.0f} samples/s (runctl {ratio:.2f}x), "
            f"first batch after {figures.first_batch:.2f} s"
        )
