"""A job that counts: standard library only, saves a checkpoint each step, resumes, and can write to a volume.

With `HOLD_AT` it waits at that step until it is stopped, in its first `HOLD_STARTS` (1) starts, so that a
test can act on a running job however slow the machine is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

TRAIN = """
import json, os, signal, sys, time
from pathlib import Path

checkpoints = Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
checkpoints.mkdir(parents=True, exist_ok=True)
saved = checkpoints / "state.json"
state = json.loads(saved.read_text()) if saved.exists() else {"step": 0, "starts": []}
state["starts"].append(state["step"])
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))


def save():
    part = checkpoints / ".state.tmp"
    part.write_text(json.dumps(state))
    part.rename(saved)


volume = os.environ.get("RUNCTL_VOLUME_DATA")
if volume:
    log = Path(volume) / "runs.txt"
    with log.open("a") as out:
        out.write(os.environ["RUNCTL_RUN_ID"] + "\\n")
    print("volume holds", len(log.read_text().splitlines()), "runs", flush=True)
print(MESSAGE, "from step", state["step"], flush=True)
hold_at = int(os.environ.get("HOLD_AT", "-1"))
holds = len(state["starts"]) <= int(os.environ.get("HOLD_STARTS", "1"))
while state["step"] < int(os.environ.get("STEPS", "3")):
    while holds and state["step"] == hold_at and not stop:
        time.sleep(0.05)
    time.sleep(float(os.environ.get("STEP_SECONDS", "0.2")))
    state["step"] += 1
    save()
    with open(os.environ["RUNCTL_METRICS"], "a") as metrics:
        metrics.write(json.dumps({"step": state["step"], "left": 1 / state["step"]}) + "\\n")
    print("step", state["step"], flush=True)
    if stop:
        print("told to stop, saved at step", state["step"], flush=True)
        sys.exit(143)
Path("model").mkdir(exist_ok=True)
Path("model/metrics.json").write_text(json.dumps({"steps": state["step"], "starts": state["starts"]}))
print("done", flush=True)
"""


def write_job(folder: Path, name: str = "count", *, message: str = "counting", **changes: Any) -> Path:
    """Write `job.yaml` and its work folder into `folder`; returns the job file."""
    work = folder / f"{name}-work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "train.py").write_text(TRAIN.replace("MESSAGE", json.dumps(message)))
    job: dict[str, Any] = {
        "name": name,
        "provider": "aws",
        "region": "us-east-1",
        "workdir": work.name,
        "run": "python3 train.py",
        "env": {"STEPS": "3", "STEP_SECONDS": "0.2"},
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "max_duration": "1h",
        "checkpoints": {"path": "checkpoints", "every": "2s", "keep": 3},
        "artifacts": {"paths": ["model/"]},
    }
    job.update(changes)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(job, sort_keys=False))
    return path
