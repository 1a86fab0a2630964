"""Jobs on RunPod's stand-in in the sandbox, and what they leave on both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from support.cloud_keys import client_keys
from support.cloud_scanner import leaks
from support.runctl_cli import Runctl

from sandbox import daemon

CHECKPOINTING = """\
import os, time
kept = os.path.join(os.environ["RUNCTL_CHECKPOINT_DIR"], "epoch")
first, weights = 0, 1
if os.path.exists(kept):
    last, weights = map(int, open(kept).read().split())
    first = last + 1
os.makedirs("model", exist_ok=True)
for epoch in range(first, int(os.environ.get("EPOCHS", "3"))):
    print("epoch", epoch, flush=True)
    weights = (weights * 31 + epoch) % 1000003
    with open(kept + ".new", "w") as file:
        file.write(f"{epoch} {weights}")
    os.replace(kept + ".new", kept)
    time.sleep(0.5)
with open("model/weights", "w") as file:
    file.write(str(weights))
"""


def weights_after(epochs: int) -> str:
    """What the job's model holds, however often it was interrupted."""
    weights = 1
    for epoch in range(epochs):
        weights = (weights * 31 + epoch) % 1000003
    return str(weights)


class RunpodJobs:
    """Jobs of a project that may use RunPod."""

    def __init__(self, runctl: Runctl) -> None:
        self.runctl = Runctl(runctl.folder, {**runctl.env, "RUNCTL_RUNPOD_ENABLED": "true"})

    def write(self, name: str, **fields: Any) -> str:
        """The path of a job file."""
        (self.runctl.folder / "pod_train.py").write_text(CHECKPOINTING)
        content = {
            "name": name,
            "provider": "runpod",
            "region": "us-east-1",
            "run": "python3 pod_train.py",
            "resources": {"gpu": "A40:1"},
            "artifacts": {"paths": ["model/"]},
            "checkpoints": {"path": "checkpoints", "every": "1s"},
            "max_duration": "20m",
            **fields,
        }
        path = self.runctl.folder / f"{name}.yaml"
        path.write_text(json.dumps(content))
        return str(path)

    def control(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        return daemon.control(self.sandbox, method, path, body, runpod=True)

    def fail(self, kind: str, operation: str = "", times: int = 1, **match: Any) -> None:
        fault = {"kind": kind, "operation": operation, "times": times, "match": match}
        self.control("POST", "faults", fault)

    @property
    def sandbox(self) -> Path:
        return self.runctl.folder / ".runctl" / "sandbox"

    def left(self, job: str, cloud_url: str) -> list[str]:
        """What of the job exists at AWS and at RunPod, apart from a stack."""
        mine = f"runctl-{job}-"
        inventory = self.control("GET", "inventory")
        there = [f"{kind} {each['name']}" for kind, items in inventory.items() for each in items]
        iam = boto3.client("iam", endpoint_url=cloud_url, region_name="us-east-1", **client_keys(cloud_url))
        users = [f"user {each['UserName']}" for each in iam.list_users()["Users"]]
        aws = [f"{each.kind} {each.id}" for each in leaks(job, cloud_url)]
        return [each for each in (*there, *users) if mine in each] + aws

    def processes(self) -> list[Path]:
        """Records of pods whose processes are not removed yet."""
        return list(self.sandbox.glob("clouds/*/runpod/hosts/pod-*.json"))
