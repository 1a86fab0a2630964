"""`runctl apply` of a folder of 1,000 jobs: all unchanged, and three changed, beside bare no-op `pulumi up`.

All jobs but a few are copies of one that ran; their runs go on, so that every status is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.command_line import RUNCTL, ask, run
from benchmarks.many_jobs import copy_jobs, session_of

COUNT = 1000
TEMPLATE = "folded"
REAL = ("real-1", "real-2", "real-3")
BARE_ROUNDS = 20
BAR_SECONDS = 10.0
FRESH = timedelta(minutes=4)
"""How far ahead of now the copies were heard of: clocks may differ by so much."""
MEASURED = Path(__file__).with_name("measured.py")
BARE = Path(__file__).with_name("bare_updates.py")


@dataclass(frozen=True)
class Applied:
    """One `apply`: seconds, of them CPU of runctl and its engines, megabytes of its largest process, and its
    result."""

    seconds: float
    cpu: float
    megabytes: float
    result: dict[str, Any]


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    (folder / ".runctl.toml").write_text("max_parallel_jobs = 100\n")
    run(folder, ["git", "init", "-q"])
    (folder / ".gitignore").write_text(".runctl/\n")
    names = [TEMPLATE, *(f"{TEMPLATE}-{number:04}" for number in range(1, COUNT - len(REAL)))]
    for name in (*names, *REAL):
        _write_job(folder, name)
    run(folder, ["git", "add", "-A"])
    try:
        ask(folder, "up", f"jobs/{TEMPLATE}/job.yaml", "--yes")
        ask(folder, "apply", "jobs", "--only", TEMPLATE, "--yes")
        _apply(folder, "--only", "real-*")
        fingerprints = _fingerprints(folder)
        unchanged = []
        for _ in range(rounds):
            numbers = range(1, COUNT - len(REAL))
            copy_jobs(
                folder, TEMPLATE, numbers, running=len(numbers), ahead=FRESH, changes=fingerprints.__getitem__
            )
            unchanged.append(_apply(folder))
            _expect(unchanged[-1], changed=0)
        told = median(each.seconds for each in unchanged)
        print(
            f"apply of {COUNT} unchanged jobs: {told:.1f} s (bar: {BAR_SECONDS:g}), "
            f"{median(each.cpu for each in unchanged):.1f} s of CPU, "
            f"{max(each.megabytes for each in unchanged):.0f} MB at most",
            flush=True,
        )
        _three_changed(folder)
        _bare(folder)
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


def _three_changed(folder: Path) -> None:
    for name in REAL:
        _write_job(folder, name, team="vision")
    three = _apply(folder, "--only", "real-*")
    for name in REAL:
        _write_job(folder, name, team="speech")
    together = _apply(folder)
    _expect(together, changed=len(REAL))
    print(
        f"apply of {COUNT} of which 3 changed: {together.seconds:.1f} s "
        f"(bar: {BAR_SECONDS:g} + {three.seconds:.1f} of three updates by themselves), "
        f"{together.cpu:.1f} s of CPU, of which {three.cpu:.1f} for three alone, "
        f"{together.megabytes:.0f} MB at most",
        flush=True,
    )


def _bare(folder: Path) -> None:
    """Seconds of bare updates that change nothing, one process of the engine after the other."""
    out, _ = run(folder, [RUNCTL, "--sandbox", "--output", "json", "env", TEMPLATE])
    variables: Mapping[str, str] = json.loads(out)["set"]
    command = [
        sys.executable,
        str(BARE),
        str(session_of(folder).folders.workspace()),
        TEMPLATE,
        str(BARE_ROUNDS),
    ]
    bare, _ = run(folder, command, env=dict(variables))
    each = float(json.loads(bare)["seconds"]) / BARE_ROUNDS
    print(
        f"{BARE_ROUNDS} bare no-op `pulumi up`: {each:.2f} s each, {each * COUNT:.0f} s for {COUNT}",
        flush=True,
    )


def _apply(folder: Path, *options: str) -> Applied:
    report = folder / ".runctl" / "report.json"
    command = [RUNCTL, "--sandbox", "--output", "json", "apply", "jobs", "--yes", *options]
    done = subprocess.run(
        [sys.executable, str(MEASURED), str(report), *command],
        cwd=folder,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(
            f"{command} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
    cost = json.loads(report.read_text())
    return Applied(cost["seconds"], cost["cpu"], cost["peak_kb"] / 1024, json.loads(done.stdout))


def _expect(applied: Applied, *, changed: int) -> None:
    outcomes = [f"{each['action']} {each['outcome']}" for each in applied.result["results"]]
    assert len(outcomes) == COUNT, f"{len(outcomes)} of {COUNT}"
    assert outcomes.count("update done") == changed, sorted(set(outcomes))
    assert outcomes.count("unchanged nothing-to-do") >= COUNT - changed - 1, sorted(set(outcomes))


def _fingerprints(folder: Path) -> dict[str, dict[str, str]]:
    """What the copies' configuration says of what was applied, by name."""
    from dataclasses import asdict

    from runctl_auto.jobs.folder.look import look_at_folder
    from runctl_auto.jobs.folder.options import FolderOptions

    looked = look_at_folder(session_of(folder), folder / "jobs", FolderOptions())
    found = {}
    for each in looked.orders:
        assert each.source is not None
        source = json.dumps(asdict(each.source))
        found[each.job] = {"runctl:source": source, "runctl:fingerprint": json.dumps(each.fingerprint)}
    return found


def _write_job(folder: Path, name: str, team: str = "nlp") -> None:
    place = folder / "jobs" / name
    (place / "work").mkdir(parents=True, exist_ok=True)
    seconds = 7200 if name in REAL else 0
    (place / "work" / "train.sh").write_text(f"sleep {seconds}\n")
    (place / "job.yaml").write_text(
        f"name: {name}\nprovider: aws\nregion: us-east-1\nworkdir: work\nrun: sh train.sh\n"
        f"tags: {{team: {team}}}\nmax_duration: 12h\n"
        "resources: {instance_types: [m5.large], disk: 10GB}\n"
    )
