"""Records random histories of stacks on Pulumi's own engine, as facts for the embedded one.

    python tests/record_histories.py PULUMI FOLDER FIRST LAST

PULUMI is the executable of an engine. Each history is played twice; it is kept as far as both went the same
way, so that a recording holds nothing that hangs on chance, and as far as states are sound. One file a seed
is written to FOLDER.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from support.toy_histories import Outcome, Step, executable, play, random_history

STEPS, SIZE, FEWEST = 5, 6, 3
BROKEN = "snapshot integrity failure"
"""What Pulumi's engine says when it has written a state that breaks its own rules."""


def recorded(pulumi: Path, history: list[Step]) -> list[Outcome]:
    """What the engine does, as far as it does the same twice."""
    played: list[list[Outcome]] = []
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix="recording-") as folder:
            played.append(play(executable(pulumi), history, Path(folder)))
    settled = []
    for first, second in zip(*played, strict=False):
        if first != second or any(BROKEN in error for error in first["errors"]):
            break
        settled.append(first)
    return settled


def as_text(recording: dict[str, list[Any]]) -> str:
    """The recording as JSON, a line for each step and each outcome."""
    parts = []
    for name, items in recording.items():
        lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
        parts.append(f'"{name}":[\n{lines}\n]')
    return "{" + ",\n".join(parts) + "}\n"


def main() -> int:
    """Records the seeds that the command line asks for."""
    pulumi, folder, first, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, last):
        history = random_history(Random(seed), STEPS, SIZE)
        outcomes = recorded(pulumi, history)
        kept = len(outcomes)
        print(f"seed {seed}: {kept} of {STEPS} steps settled", flush=True)
        if kept >= FEWEST:
            text = as_text({"steps": history[:kept], "outcomes": outcomes})
            (folder / f"history-{seed:04d}.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
