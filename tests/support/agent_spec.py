"""A valid spec.json of a run."""

from __future__ import annotations

import json
from typing import Any

from runctl_auto.agent.spec import RunSpec, parse_spec

SPEC: dict[str, Any] = {
    "schema": 1,
    "job": "digits",
    "run": "r1",
    "attempt": 2,
    "lineage": "line",
    "node": 0,
    "nodes": 1,
    "setup": None,
    "command": "python3 train.py",
    "env": {"SEED": "1"},
    "code": {"key": "code/x.tar.gz", "sha256": "x"},
    "volumes": [],
    "checkpoints": {"path": "checkpoints", "every_seconds": 60, "keep": 3},
    "artifacts": {"paths": ["model/"]},
    "limits": {"max_duration_seconds": 3600},
}


def spec_text(**changes: Any) -> bytes:
    return json.dumps({**SPEC, **changes}).encode()


def run_spec(**changes: Any) -> RunSpec:
    return parse_spec(spec_text(**changes))
