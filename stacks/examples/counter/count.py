"""Counts to STEPS, one step each STEP_SECONDS; saves after each step and resumes from the saved step.

With a volume named `data` it also keeps a list of its runs there.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def restore(path):
    return json.loads(path.read_text()) if path.exists() else {"step": 0, "starts": []}


def save(path, state):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(state))
    part.replace(path)


def note_run_on_volume():
    volume = os.environ.get("RUNCTL_VOLUME_DATA")
    if not volume:
        return
    runs = Path(volume) / "runs.txt"
    with runs.open("a") as file:
        file.write(os.environ.get("RUNCTL_RUN_ID", "unknown") + "\n")
    print(f"the volume has seen {len(runs.read_text().splitlines())} runs", flush=True)


def main():
    steps = int(os.environ.get("STEPS", "10"))
    step_seconds = float(os.environ.get("STEP_SECONDS", "0.3"))
    checkpoint = Path(os.environ.get("RUNCTL_CHECKPOINT_DIR", "checkpoints")) / "state.json"
    told_to_leave = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_leave.append(True))
    state = restore(checkpoint)
    state["starts"].append(state["step"])
    note_run_on_volume()
    print(f"starting at step {state['step']}", flush=True)
    while state["step"] < steps:
        time.sleep(step_seconds)
        state["step"] += 1
        save(checkpoint, state)
        print(f"step {state['step']} of {steps}", flush=True)
        if told_to_leave:
            print(f"told to leave; saved at step {state['step']}", flush=True)
            sys.exit(143)
    result = Path("model")
    result.mkdir(exist_ok=True)
    metrics = {"steps": state["step"], "starts": state["starts"]}
    (result / "metrics.json").write_text(json.dumps(metrics) + "\n")
    print("done", flush=True)


if __name__ == "__main__":
    main()
