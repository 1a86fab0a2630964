"""Counts to STEPS and saves each step, so that another machine goes on where one was lost."""

import json
import os
import time
from pathlib import Path

checkpoint = Path(os.environ["RUNCTL_CHECKPOINT_DIR"]) / "state.json"
step = json.loads(checkpoint.read_text())["step"] if checkpoint.exists() else 0
print(f"beginning at step {step}", flush=True)
while step < int(os.environ["STEPS"]):
    time.sleep(1)
    step += 1
    part = checkpoint.with_suffix(".part")
    part.write_text(json.dumps({"step": step}))
    part.replace(checkpoint)
    print(f"step {step}", flush=True)
result = Path(os.environ["RUNCTL_OUTPUT_DIR"]) / "metrics.json"
result.write_text(json.dumps({"steps": step}))
