"""Timings, as ratios within one run: `make bench`.

Each figure is the median of several rounds, taken on an otherwise idle machine, in a project folder and a
sandbox of its own. These are no tests: `make test` does not check timings.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    costs,
    exporter,
    folder,
    glance,
    large_file,
    leaks_sweep,
    ledger,
    listing,
    loader,
    local_start,
    policy_pack,
    small_files,
    spot_life,
    staging,
    startup,
    tracing,
    transfer,
    up_overhead,
)

BENCHMARKS: dict[str, Callable[[Path, int], None]] = {
    "startup": startup.measure,
    "local-start": local_start.measure,
    "up-overhead": up_overhead.measure,
    "policy-pack": policy_pack.measure,
    "listing": listing.measure,
    "glance": glance.measure,
    "folder": folder.measure,
    "exporter": exporter.measure,
    "costs": costs.measure,
    "leaks": leaks_sweep.measure,
    "ledger": ledger.measure,
    "small-files": small_files.measure,
    "transfer": transfer.measure,
    "large-file": large_file.measure,
    "spot-life": spot_life.measure,
    "loader": loader.measure,
    "staging": staging.measure,
    "tracing": tracing.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed runctl compiles nothing either
    for name in chosen.names or BENCHMARKS:
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="runctl-bench-") as folder:
            BENCHMARKS[name](Path(folder), chosen.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
