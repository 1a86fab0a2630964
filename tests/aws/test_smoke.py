"""The small example on a real AWS account: for a person who has one, and a few cents.

    RUNCTL_AWS_SMOKE=1 AWS_PROFILE=... .venv/bin/pytest tests/aws

Needs Pulumi's CLI (`runctl setup`). Ends with the receipt of the teardown, which looks in the cloud itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.aws,
    pytest.mark.skipif(
        os.environ.get("RUNCTL_AWS_SMOKE") != "1", reason="costs money: RUNCTL_AWS_SMOKE=1 and credentials"
    ),
]

EXAMPLE = Path(__file__).resolve().parents[2] / "stacks" / "examples" / "counter" / "job.yaml"


def runctl(folder: Path, *arguments: str) -> dict:
    command = [str(Path(sys.executable).with_name("runctl")), "--output", "json", *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)


def test_counter_trains_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".runctl").mkdir(mode=0o700)
    try:
        result = runctl(tmp_path, "up", str(EXAMPLE), "--yes")
        assert result["phase"] == "succeeded"
        assert result["artifacts"]["files"]
    finally:
        receipt = runctl(tmp_path, "down", "counter", "--yes", "--discard-artifacts")
    assert receipt["nothing_left"]
