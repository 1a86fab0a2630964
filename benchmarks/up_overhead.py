"""Overhead of `runctl up --yes` over the same program run directly through the Automation API.

The digits environment without its training, in a warm sandbox, created and then applied again unchanged; with
the policy pack and without. Bare: select, preview and up of the same stack program with the same
configuration, engine, language host and policy pack, in a process that has imported the Automation API.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import yaml

from benchmarks.command_line import RUNCTL, ask, run

EXAMPLE = Path(__file__).resolve().parents[1] / "stacks" / "examples" / "digits"
PACK = EXAMPLE.parents[2] / "policies"
BARE = Path(__file__).with_name("bare_automation.py")


@dataclass
class Rounds:
    """Seconds of each round: of runctl and bare, the first `up` and the unchanged one."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    ours_again: list[float] = field(default_factory=list)
    bare_again: list[float] = field(default_factory=list)


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    (folder / ".runctl.toml").write_text("[policies]\nallow_skip = true\n")
    job = job_without_training(folder)
    run(folder, [RUNCTL, "--sandbox", "sandbox", "start"])
    try:
        for title, judged in (("with the policy pack", True), ("without", False)):
            found = Rounds()
            for _ in range(rounds + 1):  # the first round warms caches and is discarded
                _round(folder, job, found, judged=judged)
            print(title)
            _tell("up, new", found.ours[1:], found.bare[1:], 1.15)
            _tell("up, unchanged", found.ours_again[1:], found.bare_again[1:], 1.2)
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


def _round(folder: Path, job: Path, found: Rounds, *, judged: bool) -> None:
    up = [RUNCTL, "--sandbox", "up", str(job), "--yes", "--detach", *(() if judged else ("--no-policy",))]
    down = [RUNCTL, "--sandbox", "down", "digits", "--yes", "--grace", "0", "--discard-artifacts"]
    found.ours.append(run(folder, up)[1].wall)
    found.ours_again.append(run(folder, up)[1].wall)
    place = ask(folder, "env", "digits")
    settings = yaml.safe_load((Path(place["folder"]) / "Pulumi.digits.yaml").read_text())
    run(folder, down)
    pack = [str(PACK), str(folder / ".runctl" / "policies.json")] if judged else ["", ""]
    bare = [sys.executable, str(BARE), place["folder"], "digits", json.dumps(settings["config"]), *pack]
    out, _ = run(folder, bare, env=place["set"])
    told = json.loads(out.splitlines()[-1])
    found.bare.append(told["seconds"])
    found.bare_again.append(told["unchanged"])
    run(folder, down)


def _tell(what: str, ours: list[float], bare: list[float], bar: float) -> None:
    print(f"  {what}: runctl {median(ours):.2f} s ({_listed(ours)})")
    print(f"  {what}: bare   {median(bare):.2f} s ({_listed(bare)})")
    print(f"  {what}: ratio  {median(ours) / median(bare):.2f} (bar: {bar})")


def job_without_training(folder: Path) -> Path:
    """The job file of the digits environment, whose command only waits, with its work folder."""
    job = yaml.safe_load((EXAMPLE / "job.yaml").read_text())
    job.update(setup=None, run="sleep 600", workdir="work")
    work = folder / "work"
    work.mkdir()
    for source in EXAMPLE.iterdir():
        if source.is_file():
            (work / source.name).write_bytes(source.read_bytes())
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in job.items() if value is not None}))
    return path


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in seconds)
