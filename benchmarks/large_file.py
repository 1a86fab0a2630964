"""One sparse file of 20 GB through ``runctl transfer``, up and down: the peak of its memory.

To and from versitygw on the loopback of this machine. The disk must have room for the parts, the object and
what comes back: three times RUNCTL_BENCH_LARGE_MIB (20480). It is moved once, whatever the rounds.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.s3_tools import server
from benchmarks.transfer import BUCKET, RUNCTL, run

BAR_MB = 300


def measure(folder: Path, rounds: int) -> None:
    size = int(os.environ.get("RUNCTL_BENCH_LARGE_MIB", "20480")) << 20
    free = shutil.disk_usage(folder).free
    if free < 3 * size:
        raise RuntimeError(f"{folder} has room for {free >> 30} GiB, {3 * size >> 30} GiB are needed")
    source, target = folder / "source", folder / "target"
    source.mkdir()
    target.mkdir()
    with (source / "large").open("wb") as file:
        for share in range(16):
            file.seek(size // 16 * share)
            file.write(os.urandom(1 << 20))
        file.truncate(size)
    with server(folder / "server", sidecar=folder / "sidecar") as place:
        place.client().create_bucket(Bucket=BUCKET)
        up = run([str(RUNCTL), "transfer", str(source), f"s3://{BUCKET}/"], place)
        down = run([str(RUNCTL), "transfer", f"s3://{BUCKET}/", str(target)], place)
    with (source / "large").open("rb") as sent, (target / "large").open("rb") as come:
        while piece := sent.read(8 << 20):
            assert piece == come.read(8 << 20), "what came back differs"
        assert not come.read(1), "more came back"
    for way, cost in (("up", up), ("down", down)):
        print(f"  {way:5} {size >> 20} MiB in {cost.seconds:.0f} s, {cost.peak:.0f} MB (bar: {BAR_MB} MB)")
