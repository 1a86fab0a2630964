"""What `runctl up --yes` costs over the same program driven bare through the Automation API.

The digits environment without its training, in a warm sandbox. Bare: select, preview and up of the same stack
program with the same configuration and the same policy pack on the same engine, in a process that has
imported the Automation API already.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

import yaml
from command_line import RUNCTL, ask, run

EXAMPLE = Path(__file__).resolve().parents[1] / "stacks" / "examples" / "digits"
PACK = EXAMPLE.parents[2] / "policies"
BARE = Path(__file__).with_name("bare_automation.py")


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    job = _job_without_training(folder)
    run(folder, [RUNCTL, "--sandbox", "sandbox", "start"])
    try:
        ours, bare = [], []
        for _ in range(rounds + 1):  # the first round warms caches and is left out
            ours.append(run(folder, [RUNCTL, "--sandbox", "up", str(job), "--yes", "--detach"])[1].wall)
            place = ask(folder, "env", "digits")
            settings = yaml.safe_load((Path(place["folder"]) / "Pulumi.digits.yaml").read_text())
            run(folder, [RUNCTL, "--sandbox", "down", "digits", "--yes", "--grace", "0"])
            out, _ = run(
                folder,
                [
                    sys.executable,
                    str(BARE),
                    place["folder"],
                    "digits",
                    json.dumps(settings["config"]),
                    str(PACK),
                    str(folder / ".runctl" / "policies.json"),
                ],
                env=place["set"],
            )
            bare.append(json.loads(out.splitlines()[-1])["seconds"])
            run(folder, [RUNCTL, "--sandbox", "down", "digits", "--yes", "--grace", "0"])
        ratio = median(ours[1:]) / median(bare[1:])
        print(f"runctl up: {median(ours[1:]):.2f} s (each: {_listed(ours)})")
        print(f"bare:      {median(bare[1:]):.2f} s (each: {_listed(bare)})")
        print(f"ratio:     {ratio:.2f} (bar: 1.2)")
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


def _job_without_training(folder: Path) -> Path:
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
