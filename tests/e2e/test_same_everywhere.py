"""One example trains unchanged on this machine and on AWS's stand-in: the same weights, nothing left."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.cloud_scanner import leaks
from support.local_jobs import LocalRunctl
from support.runctl_cli import Runctl

DIGITS = Path(__file__).parents[2] / "stacks" / "examples" / "digits"


def trained(runctl: Runctl, folder: Path, *options: str) -> tuple[Any, str]:
    """The result of the example as it is, and the digest of the weights that it brought home."""
    shutil.copytree(DIGITS, folder, ignore=shutil.ignore_patterns(".venv", "runs", "__pycache__"))
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
    aws, aws_weights = trained(runctl, runctl.folder / "digits")
    assert (local["phase"], aws["phase"]) == ("succeeded", "succeeded")
    assert local_weights == aws_weights
    assert local["metrics"] == aws["metrics"]
    for command in (here, runctl):
        receipt = command.json("down", "digits", "--yes", timeout=300)
        assert (receipt["nothing_left"], receipt["leaked"]) == (True, [])
    assert leaks("digits", cloud_url) == []
    assert here.processes("digits") == ()
    assert not (here.folder / ".runctl" / "local").exists()
