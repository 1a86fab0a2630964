"""The richest job file, applied again and again, changes nothing; plain ``pulumi`` agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.emulated_cloud import client
from support.plain_pulumi import pulumi
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

JOB = "richest"
BUCKET = "sets-of-richest"
ZONE = "us-east-1c"
PERSON = {
    "HF_TOKEN": "a value of its own",
    "WANDB_KEY": "another value",
    "RUNCTL_AWS_END_SCHEDULE": "true",
}


class Existing:
    """What is in the cloud before the job, and is there afterwards."""

    def __init__(self, cloud_url: str) -> None:
        self.ec2, s3 = client(cloud_url, "ec2"), client(cloud_url, "s3")
        self.volume = self.ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
        self.snapshot = self.ec2.create_snapshot(VolumeId=self.volume)["SnapshotId"]
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="train/a.txt", Body=b"content")

    def remove(self) -> None:
        self.ec2.delete_snapshot(SnapshotId=self.snapshot)
        self.ec2.delete_volume(VolumeId=self.volume)


def write_richest(folder: Path, existing: Existing) -> str:
    """A job file with every field that a job in one region can have."""
    changes: dict[str, Any] = {
        "image": "auto",
        "network": {"vpc": "default", "subnet": "auto"},
        "setup": "test -f data/a.txt",
        "background": "stop",
        "shell": "bash -eu",
        "env": {"STEPS": "4", "HOLD_AT": "2", "SEED": "1"},
        "secrets": ["HF_TOKEN", "WANDB_KEY"],
        "resources": {"gpu": "A10G:1", "cpu": "4..", "memory": "16GB.."},
        "zones": [ZONE],
        "spot_policy": "auto",
        "max_price": 5,
        "budget": 20,
        "max_duration": "1h",
        "idle_duration": "30m",
        "volumes": [
            {"name": "data", "size": "10GB", "mount": "/data", "protect": True},
            {"name": "copy", "size": "2GB", "mount": "/copy", "snapshot": existing.snapshot},
            {"name": "corpus", "id": existing.volume, "mount": "/corpus"},
        ],
        "data": [{"source": f"s3://{BUCKET}/train", "path": "data/"}],
        "artifacts": {"paths": ["model/"], "keep": True},
        "tags": {"team": "nlp", "cost-center": "42"},
    }
    return str(write_job(folder, JOB, **changes))


def agrees(runctl: Runctl) -> None:
    plain = pulumi(runctl, JOB, "preview", "--expect-no-changes", "--refresh")
    assert plain.returncode == 0, plain.stdout + plain.stderr


def test_a_second_and_a_third_up_change_nothing(runctl: Runctl, cloud_url: str) -> None:
    person, existing = Runctl(runctl.folder, PERSON), Existing(cloud_url)
    job = write_richest(runctl.folder, existing)
    try:
        first = person("up", job, "--yes", "--detach")
        assert f"spot in {ZONE}" in first.err
        assert "disk 115 GB" in first.err, "the disk is what the Deep Learning image needs and room"
        wait_for_step(runctl, JOB, 2)
        for _ in range(2):
            again = person("up", job, "--yes", "--detach")
            assert "nothing to change" in again.err
            assert person("preview", job, "--detailed-exitcode").code == 0
            agrees(runctl)
        stopped = person.json("down", JOB, "--yes", "--grace", "5")
        assert stopped["leaked"] == []
        assert leaks(JOB, cloud_url) != [], "volume and bucket are kept"
    finally:
        names = ("--include-protected", "data", "--include-protected", "bucket")
        end = person("down", JOB, "--yes", *names, "--confirm", "data", "--confirm", "bucket", code=None)
    assert leaks(JOB, cloud_url) == [], end.text
    existing.remove()
