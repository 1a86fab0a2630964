"""One example trains unchanged here, on AWS and on RunPod: the same weights, and nothing left of it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.cloud_scanner import leaks
from support.local_jobs import LocalRunctl
from support.runctl_cli import Runctl
from support.runpod_jobs import RunpodJobs

DIGITS = Path(__file__).parents[2] / "stacks" / "examples" / "digits"


def trained(runctl: Runctl, folder: Path, *options: str) -> tuple[Any, str]:
    """The result of the example, and the digest of the weights that it brought home. Its file asks for CPUs
    instead of types of AWS: each provider has machines with two."""
    shutil.copytree(DIGITS, folder, ignore=shutil.ignore_patterns(".venv", "runs", "__pycache__"))
    file = folder / "job.yaml"
    named = "instance_types: [m5.large, t3.medium]"
    assert named in file.read_text()
    file.write_text(file.read_text().replace(named, "cpu: 2"))
    result = runctl.json("up", str(folder / "job.yaml"), "--yes", *options, timeout=900)
    model = Path(result["artifacts"]["folder"]) / "model" / "model.joblib"
    return result, hashlib.sha256(model.read_bytes()).hexdigest()


@pytest.mark.matrix
@pytest.mark.sandbox
def test_digits_has_the_same_weights_and_receipts_with_nothing_left(
    runctl: Runctl, cloud_url: str, ended: list[str], tmp_path: Path
) -> None:
    ended.append("digits")
    here = LocalRunctl(tmp_path / "here")
    local, local_weights = trained(here, here.folder / "digits", "--provider", "local")
    aws, aws_weights = trained(runctl, runctl.folder / "digits", "--provider", "aws")
    receipts = [command.json("down", "digits", "--yes", timeout=300) for command in (here, runctl)]
    assert leaks("digits", cloud_url) == []
    pods = RunpodJobs(runctl)
    runpod, runpod_weights = trained(pods.runctl, runctl.folder / "pods", "--provider", "runpod")
    receipts.append(pods.runctl.json("down", "digits", "--yes", timeout=300))
    assert pods.left("digits", cloud_url) == []
    assert {each["phase"] for each in (local, aws, runpod)} == {"succeeded"}
    assert runpod["placement"]["instance_type"] == "cpu3c.2"
    assert local_weights == aws_weights == runpod_weights
    assert local["metrics"] == aws["metrics"] == runpod["metrics"]
    assert [(each["nothing_left"], each["leaked"]) for each in receipts] == [(True, [])] * 3
    assert here.processes("digits") == ()
    assert not (here.folder / ".runctl" / "local").exists()
