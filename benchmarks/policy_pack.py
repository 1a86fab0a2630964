"""The cost of the policy pack in a preview: `runctl preview` of a running job, with and without it,
alternating.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import yaml

from benchmarks.command_line import RUNCTL, run

JOB = {
    "name": "policed",
    "region": "us-east-1",
    "workdir": "work",
    "run": "sh train.sh",
    "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
    "volumes": [{"name": "data", "size": "1GB", "mount": "/data"}],
}
PREVIEW = [RUNCTL, "--sandbox", "preview", "job.yaml"]


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    (folder / "work").mkdir()
    (folder / "work" / "train.sh").write_text("sleep 3600\n")
    (folder / ".runctl.toml").write_text("[policies]\nallow_skip = true\n")
    (folder / "job.yaml").write_text(yaml.safe_dump(JOB))
    run(folder, [RUNCTL, "--sandbox", "sandbox", "start"])
    try:
        run(folder, [RUNCTL, "--sandbox", "up", "job.yaml", "--yes", "--detach"])
        judged, unjudged = [], []
        for _ in range(rounds + 1):  # the first round warms caches and is discarded
            judged.append(run(folder, PREVIEW)[1].wall)
            unjudged.append(run(folder, [*PREVIEW, "--no-policy"])[1].wall)
        costs = [with_pack - without for with_pack, without in zip(judged[1:], unjudged[1:], strict=True)]
        print(f"with the pack:    {median(judged[1:]):.2f} s (each: {_listed(judged)})")
        print(f"without:          {median(unjudged[1:]):.2f} s (each: {_listed(unjudged)})")
        print(f"the pack costs:   {median(costs):.2f} s (bar: 0.5)")
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in seconds)
