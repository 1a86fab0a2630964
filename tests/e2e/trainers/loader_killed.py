"""Reads with the written loader as several ranks in step, and kills itself at a step: run by test_loader.py.

STATE LOG WORLD WORKERS BATCH STEPS: goes on from STATE; after each step appends to LOG what the ranks got
and the position, and replaces STATE. After STEPS steps it is gone, with its workers; 0 reads to the end of
the epoch.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch  # noqa: F401 - the loader uses it where it is
from loader import Loader, Rank


def name_of(name: str, content: bytes) -> str:
    assert content.startswith(name.encode()), "the content of another object"
    return name


def main() -> None:
    state, log = Path(sys.argv[1]), Path(sys.argv[2])
    world, workers, batch, steps = map(int, sys.argv[3:])
    ranks = [
        Loader(
            batch_size=batch, workers=workers, seed=7, rank=Rank(number, world), decode=name_of, collate=list
        )
        for number in range(world)
    ]
    if state.exists():
        for each in ranks:
            each.load_state_dict(json.loads(state.read_text()))
    epoch = ranks[0].epoch
    for step, together in enumerate(zip(*ranks, strict=True), 1):
        found = [each.state_dict() for each in ranks]
        assert found == found[:1] * world, "one state for all ranks"
        with log.open("a") as out:
            out.write(json.dumps({"epoch": epoch, "state": found[0], "got": list(together)}) + "\n")
        part = state.with_suffix(".part")
        part.write_text(json.dumps(found[0]))
        part.replace(state)
        if step == steps:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
