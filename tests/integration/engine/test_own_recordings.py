"""The project's own recordings of Pulumi's engine, replayed on the embedded one through its command line.

`tests/record_histories.py` makes them. A few are always replayed; all of them in the matrix, and where the
recordings beside the project are not there to be replayed instead."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.toy_histories import embedded_in_process, first_difference, play

pytestmark = pytest.mark.sandbox

RECORDED = sorted((Path(__file__).parents[2] / "recorded").glob("history-*.json"))
BESIDE = Path(__file__).parents[4] / "shared" / "recorded" / "stacks"
SAMPLE = 2


def difference(path: Path, folder: Path) -> str | None:
    """The first difference of a replay from its recording."""
    recording = json.loads(path.read_text())
    wanted: list[dict[str, Any]] = recording["outcomes"]
    got = play(embedded_in_process, recording["steps"], folder)
    assert len(got) == len(wanted)
    for number, (step, one, other) in enumerate(zip(recording["steps"], wanted, got, strict=True)):
        found = first_difference(one, other)
        if found:
            asked = {key: value for key, value in step.items() if key != "program"}
            return f"step {number} {asked}{found}"
    return None


@pytest.mark.parametrize("path", RECORDED if not BESIDE.exists() else RECORDED[:SAMPLE], ids=lambda p: p.stem)
def test_a_recording_replays_the_same(path: Path, tmp_path: Path) -> None:
    assert difference(path, tmp_path) is None


@pytest.mark.matrix
def test_all_recordings_replay_the_same(tmp_path: Path) -> None:
    met: Counter[str] = Counter()
    differences = {}
    for path in RECORDED:
        folder = tmp_path / path.stem
        folder.mkdir()
        found = difference(path, folder)
        if found:
            differences[path.stem] = found
        recording = json.loads(path.read_text())
        met["histories"] += 1
        met["steps"] += len(recording["steps"])
        met["failed steps"] += sum(not outcome["ok"] for outcome in recording["outcomes"])
    print(f"\nown recordings: {dict(met)}, {len(differences)} different")
    assert differences == {}
