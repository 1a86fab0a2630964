"""What a change does to a running job: code, interruption, protected data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.machine_events import interrupt
from support.runctl_cli import Runctl
from support.waiting import wait_for_phase, wait_for_step

pytestmark = pytest.mark.sandbox

VOLUME = [{"name": "data", "size": "10GB", "mount": "/data"}]


def metrics_of(runctl: Runctl, job: str, run: str) -> dict:
    path: Path = runctl.folder / "runs" / job / run / "model" / "metrics.json"
    return json.loads(path.read_text())


@pytest.mark.matrix
def test_changed_code_goes_on_from_the_checkpoint(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("change")
    env = {"STEPS": "6", "HOLD_AT": "4"}
    first = runctl.json(
        "up", str(write_job(runctl.folder, "change", env=env, volumes=VOLUME)), "--yes", "--detach"
    )
    before = runctl.json("outputs", "change")
    wait_for_step(runctl, "change", 4)

    changed = write_job(runctl.folder, "change", message="better code", env=env, volumes=VOLUME)
    second = runctl.json("up", str(changed), "--yes")
    after = runctl.json("outputs", "change")

    assert second["run"] != first["run"]
    assert second["phase"] == "succeeded"
    assert after["volumes"] == before["volumes"], "the volume moved over"
    starts = metrics_of(runctl, "change", second["run"])["starts"]
    assert starts[0] == 0
    assert starts[1] >= 4, "the new code went on where the old one had got to"
    log = runctl("logs", "change").out
    assert "better code from step" in log
    assert "volume holds 2 runs" in log, "the volume still has what the first run wrote"
    assert runctl.json("down", "change", "--yes")["nothing_left"]
    assert leaks("change", cloud_url) == []


def test_a_spot_interruption_is_survived(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("spot")
    job = write_job(runctl.folder, "spot", env={"STEPS": "6", "HOLD_AT": "4"}, spot_policy="spot")
    process = runctl.start("--output", "json", "up", str(job), "--yes")
    wait_for_step(runctl, "spot", 4)
    instance = runctl.json("outputs", "spot")["instanceId"]
    interrupt(cloud_url, instance, notice_seconds=8)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, out + err
    result = json.loads(out)
    assert result["replacements"] == 1
    assert result["phase"] == "succeeded"
    starts = metrics_of(runctl, "spot", result["run"])["starts"]
    assert len(starts) == 2
    assert starts[1] >= 4
    runctl("down", "spot", "--yes")
    assert leaks("spot", cloud_url) == []


@pytest.mark.matrix
def test_a_protected_volume_outlives_its_job(runctl: Runctl, cloud_url: str) -> None:
    protected = [{**VOLUME[0], "protect": True}]
    job = write_job(runctl.folder, "keep", volumes=protected)
    runctl.json("up", str(job), "--yes")
    volume = runctl.json("outputs", "keep")["volumes"]["data"]

    receipt = runctl.json("down", "keep", "--yes")
    assert [kept["id"] for kept in receipt["kept"] if kept["type"] == "aws:ebs/volume:Volume"] == [volume]
    assert receipt["leaked"] == []
    assert {found.id for found in leaks("keep", cloud_url)} == {volume}, "exactly it is kept"
    again = runctl("down", "keep", "--yes")
    assert volume in again.out
    assert "protected" in again.out

    runctl.json("up", str(job), "--yes", "--rerun")
    assert runctl.json("outputs", "keep")["volumes"]["data"] == volume
    assert "volume holds 2 runs" in runctl("logs", "keep").out


def test_what_was_kept_is_let_go_without_its_job(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    """The policies judge what an operation makes, not what it leaves out."""
    ended.append("let-go")
    job = write_job(runctl.folder, "let-go", run="true", volumes=[{**VOLUME[0], "protect": True}])
    runctl.json("up", str(job), "--yes")
    (volume,) = (each["id"] for each in runctl.json("down", "let-go", "--yes")["kept"])
    runctl("unprotect", "let-go", "data", "--yes")
    assert [each["id"] for each in runctl.json("down", "let-go", "--yes")["deleted"]] == [volume]
    assert leaks("let-go", cloud_url) == []


@pytest.mark.matrix
def test_down_stops_a_running_job_gracefully(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("early")
    job = write_job(runctl.folder, "early", env={"HOLD_AT": "2"})
    runctl.json("up", str(job), "--yes", "--detach")
    wait_for_phase(runctl, "early", {"running"})
    wait_for_step(runctl, "early", 2)
    receipt = runctl.json("down", "early", "--yes", "--grace", "20")
    assert receipt["nothing_left"]
    assert receipt["stopped"] != "late"
    assert leaks("early", cloud_url) == []
