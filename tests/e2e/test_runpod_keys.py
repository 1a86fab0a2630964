"""The keys of a job on RunPod are nowhere: not in state, logs, output, arguments or pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cloud_keys import keys_of
from support.kept_secrets import in_files, watched_arguments
from support.runctl_cli import Runctl
from support.runpod_jobs import RunpodJobs

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

TOKEN = "planted-7c1e0c0ffee"
OF_THE_STAND_INS = (
    "sandbox/clouds/*/keys.json",
    "sandbox/clouds/*/runpod/account.json",
)
"""Where the clouds of the sandbox keep their own secrets, which are RunPod's and AWS's elsewhere."""


def test_keys_are_nowhere(runctl: Runctl, cloud_url: str, ended: list[str], tmp_path: Path) -> None:
    ended.append("keyless")
    plain = RunpodJobs(runctl)
    jobs = RunpodJobs(Runctl(plain.runctl.folder, {**plain.runctl.env, "TOKEN": TOKEN}))
    file = jobs.write("keyless", secrets=["TOKEN"], env={"EPOCHS": "400"})
    secrets = {"RunPod's key": keys_of(cloud_url).runpod_api_key, "the job's secret": TOKEN}
    said = []
    with watched_arguments(secrets) as arguments:
        said.append(jobs.runctl("up", file, "--yes", "--detach", "-v").text)
        (account,) = jobs.sandbox.glob("clouds/*/runpod/account.json")
        held = json.loads(account.read_text())["values"]
        secrets |= {f"access key {number}": value for number, value in enumerate(held.values())}
        assert len(secrets) > 2, "the job has an access key of its own"
        for command in (["status"], ["describe"], ["logs"], ["drift"], ["cost"], ["outputs"]):
            said.append(jobs.runctl("--output", "json", *command, "keyless", code=None).text)
        jobs.runctl("dashboard", "--export", str(tmp_path), "--no-leaks")
        said.append(jobs.runctl("leaks", code=None).text)
    assert len(arguments.seen) > 20
    assert arguments.held == set()
    assert [name for name, value in secrets.items() if value in "".join(said)] == []
    private = jobs.runctl.folder / ".runctl"
    assert in_files(private, secrets, but=OF_THE_STAND_INS) == []
    assert in_files(tmp_path, secrets) == []
    with watched_arguments(secrets) as arguments:
        said = [jobs.runctl("down", "keyless", "--yes", "--discard-artifacts", "--grace", "1", "-v").text]
    assert arguments.held == set()
    assert [name for name, value in secrets.items() if value in "".join(said)] == []
    assert in_files(private, secrets, but=OF_THE_STAND_INS) == []
