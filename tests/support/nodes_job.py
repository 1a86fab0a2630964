"""The example that trains on several machines with the standard library, as a job of a test, and the weights
that it must come to.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

EXAMPLE = Path(__file__).parents[2] / "stacks" / "examples" / "allreduce"


def write_nodes_job(folder: Path, name: str, nodes: int, **changes: Any) -> Path:
    """Write a job for `nodes` machines and its work folder into `folder`; returns the job file."""
    work = folder / f"{name}-work"
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLE / "train.py", work)
    job = yaml.safe_load((EXAMPLE / "job.yaml").read_text())
    env = {**job["env"], **changes.pop("env", {})}
    job.update({"name": name, "nodes": nodes, "workdir": work.name, "env": env, **changes})
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(job, sort_keys=False))
    return path


def weights(result: dict[str, Any]) -> list[str]:
    """The weights that a run of it has brought home, to the last bit."""
    found: list[str] = json.loads(
        (Path(result["artifacts"]["folder"]) / "model" / "metrics.json").read_text()
    )["weights"]
    return found
