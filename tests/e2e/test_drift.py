"""Drift of a protected volume, and a dry run that says what the teardown then does."""

from __future__ import annotations

import pytest
from support.counting_job import write_job
from support.emulated_cloud import client
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]


def test_drift_is_found_and_a_dry_run_is_what_down_does(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    volumes = [{"name": "data", "size": "10GB", "mount": "/data", "protect": True}]
    job = write_job(runctl.folder, "drifts", volumes=volumes)
    runctl.json("up", str(job), "--yes", timeout=600)
    ended.append("drifts")
    volume = runctl.json("outputs", "drifts")["volumes"]["data"]
    assert runctl.json("drift", "drifts", "--detailed-exitcode")["drifted"] == []
    client(cloud_url, "ec2").create_tags(Resources=[volume], Tags=[{"Key": "by", "Value": "hand"}])
    [found] = runctl.json("drift", "drifts", "--detailed-exitcode", code=2)["jobs"][0]["resources"]
    assert (found["id"], found["protected"]) == (volume, True)
    assert {"property": "tags.by", "was": None, "is": "hand", "secret": False} in found["differences"]

    tried = runctl.json("down", "drifts", "--dry-run")
    receipt = runctl.json("down", "drifts", "--yes", timeout=600)
    assert tried["planned"] == receipt["planned"]
    assert sorted(map(str, tried["planned"])) == sorted(map(str, receipt["deleted"]))
    assert tried["kept"] == receipt["kept"]
    assert [each["id"] for each in tried["kept"] if each["type"] == "aws:ebs/volume:Volume"] == [volume]
