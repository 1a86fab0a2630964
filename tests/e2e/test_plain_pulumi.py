"""What runctl made is an ordinary Pulumi stack: plain ``pulumi`` agrees, with what ``runctl env`` prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.plain_pulumi import pulumi
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox


def test_plain_pulumi_agrees_before_and_after_the_end_of_a_run(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("plain")
    job = write_job(runctl.folder, "plain", env={"STEPS": "600"})
    runctl.json("up", str(job), "--yes", "--detach")
    running = pulumi(runctl, "plain", "preview", "--expect-no-changes")
    assert running.returncode == 0, running.stdout + running.stderr

    short = write_job(runctl.folder, "plain", env={"STEPS": "2"})
    runctl.json("up", str(short), "--yes")
    over = pulumi(runctl, "plain", "preview", "--expect-no-changes")
    assert over.returncode == 0, over.stdout + over.stderr

    gone = pulumi(runctl, "plain", "destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert leaks("plain", cloud_url) == []
    assert runctl.json("down", "plain", "--yes")["nothing_left"]


@pytest.mark.matrix
def test_another_checkout_works_from_the_backend_alone(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("moved")
    runctl.json("up", str(write_job(runctl.folder, "moved")), "--yes")
    folder = Path(runctl.json("env", "moved")["folder"])
    (folder / "Pulumi.moved.yaml").unlink()
    assert runctl.json("status", "moved")["phase"] == "succeeded"
    (folder / "Pulumi.moved.yaml").unlink()
    assert runctl.json("down", "moved", "--yes")["nothing_left"]
    assert leaks("moved", cloud_url) == []
