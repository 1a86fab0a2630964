"""The main job as a person runs it: up trains and brings the result home, down leaves nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.output_schemas import check_output
from support.runctl_cli import Runctl
from support.waiting import wait_for_phase

pytestmark = pytest.mark.sandbox


def test_up_trains_and_down_leaves_nothing(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("first")
    result = runctl.json("up", str(write_job(runctl.folder, "first")), "--yes")

    assert result["phase"] == "succeeded"
    assert result["exit_code"] == 0
    home = Path(result["artifacts"]["folder"])
    assert home == runctl.folder / "runs" / "first" / result["run"]
    assert json.loads((home / "model" / "metrics.json").read_text()) == {"steps": 3, "starts": [0]}
    lines = runctl("--output", "json", "logs", "first").out
    check_output(["logs"], lines)
    assert {"line": "step 3", "rank": None} in [json.loads(line) for line in lines.splitlines()]
    (left,) = runctl.json("metrics", "first")["training"]
    assert (left["name"], left["source"], left["steps"]) == ("left", "file", [1, 2, 3])
    assert "left 0.3333" in runctl("status", "first").out
    described = runctl.json("describe", "first")
    assert described["checkpoints"]["count"] >= 1
    assert described["cost"]["usd"] > 0
    assert described["drift"] == []
    assert "first-artifacts-bucket" in [each["name"] for each in described["resources"]]
    assert runctl.json("doctor")["ok"]
    assert leaks("first", cloud_url) != [], "the bucket is alive until down"

    receipt = runctl.json("down", "first", "--yes")
    assert receipt["nothing_left"]
    assert receipt["stack_removed"]
    assert leaks("first", cloud_url) == []
    assert (home / "model" / "metrics.json").exists(), "what was brought home stays"
    kept = runctl.json("metrics", f"first/{result['run']}")
    assert (kept["kept"], kept["training"]) == (True, [left]), "and so do its metrics"
    assert "first" not in [job["job"] for job in runctl.json("ls")["jobs"]]
    (ledger,) = runctl.json("cost", "first")["groups"]
    assert ledger["key"] == "first"
    assert ledger["usd"] >= described["cost"]["usd"], "what it cost outlives it"
    assert runctl("cost", "first", "--format", "csv").out.startswith("job,usd,at_least,")
    assert "DATE" in runctl("cost", "--help").out
    runctl("cost", "--since", "yesterday", code=7)


@pytest.mark.matrix
def test_the_same_job_twice_changes_nothing(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("twice")
    job = write_job(runctl.folder, "twice", env={"HOLD_AT": "2"})
    first = runctl.json("up", str(job), "--yes", "--detach")
    assert first["changed"]
    again = runctl.json("up", str(job), "--yes", "--detach")
    assert not again["changed"]
    assert again["run"] == first["run"]

    tagged = write_job(runctl.folder, "twice", env={"HOLD_AT": "2"}, tags={"team": "nlp"})
    machine = runctl.json("outputs", "twice")["instanceId"]
    changed = runctl.json("up", str(tagged), "--yes", "--detach")
    assert changed["changed"]
    assert changed["run"] == first["run"]
    assert runctl.json("outputs", "twice")["instanceId"] == machine, "a tag does not restart the training"
    runctl("down", "twice", "--yes", "--grace", "5")
    assert leaks("twice", cloud_url) == []


@pytest.mark.matrix
def test_the_machine_needs_nobody(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    """runctl killed -9 while it follows: the training goes on, and later commands work."""
    ended.append("alone")
    job = write_job(runctl.folder, "alone", env={"STEPS": "15", "STEP_SECONDS": "0.3"})
    process = runctl.start("up", str(job), "--yes")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step 2"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    status = wait_for_phase(runctl, "alone", {"succeeded", "failed"})
    assert status["phase"] == "succeeded"
    assert "step 15" in runctl("logs", "alone").out
    receipt = runctl.json("down", "alone", "--yes")
    assert receipt["nothing_left"]
    assert leaks("alone", cloud_url) == []
    metrics = runctl.folder / "runs" / "alone" / status["run"] / "model" / "metrics.json"
    assert json.loads(metrics.read_text())["starts"] == [0], "it was never started again"


def test_a_failing_command_is_told_with_its_code(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("wrong")
    job = write_job(runctl.folder, "wrong", run="python3 -c 'raise KeyError(\"no such column\")'")
    failed = runctl.json("up", str(job), "--yes", code=3)
    assert failed["error"]["exit_code"] == 3
    assert runctl.json("status", "wrong")["exit_code"] == 1
    log = runctl("logs", "wrong").out
    assert "Traceback" in log
    assert "no such column" in log
    runctl("down", "wrong", "--yes")
    assert leaks("wrong", cloud_url) == []


@pytest.mark.matrix
def test_a_command_that_does_not_exist(runctl: Runctl, ended: list[str]) -> None:
    ended.append("missing")
    job = write_job(runctl.folder, "missing", run="no-such-program --epochs 5")
    ran = runctl("up", str(job), "--yes", code=3)
    assert "127" in ran.text
    assert "no-such-program" in runctl("logs", "missing").out


def test_a_wrong_job_file_creates_nothing(runctl: Runctl) -> None:
    job = write_job(runctl.folder, "bad", max_duration="soon", regoin="us-east-1")
    ran = runctl("up", str(job), "--yes", code=7)
    assert "max_duration" in ran.text
    assert "region" in ran.text
    assert "bad" not in [each["job"] for each in runctl.json("ls")["jobs"]]


def test_what_is_not_supported_yet_is_refused(runctl: Runctl) -> None:
    job = write_job(runctl.folder, "later", nodes=2, recovery="cloud")
    ran = runctl("up", str(job), "--yes", code=None)
    assert ran.code != 0
    assert "nodes" in ran.text
    assert "not supported yet" in ran.text
    assert "later" not in [each["job"] for each in runctl.json("ls")["jobs"]]
