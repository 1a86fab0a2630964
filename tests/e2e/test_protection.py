"""Whatever is tried on what is protected, no deletion reaches the cloud."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cloud_points import CloudPoints
from support.cloud_scanner import leaks, read_inventory
from support.counting_job import write_job
from support.plain_pulumi import pulumi
from support.runctl_cli import Ran, Runctl

pytestmark = pytest.mark.sandbox

VOLUME = {"name": "data", "size": "10GB", "mount": "/data", "protect": True}
DELETIONS = {
    "aws:ebs/volume:Volume": "ec2:DeleteVolume",
    "aws:s3/bucket:Bucket": "s3:DeleteBucket",
    "aws:s3/bucketPolicy:BucketPolicy": "s3:DeleteBucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "s3:DeletePublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "s3:DeleteBucketEncryption"
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "s3:DeleteBucketLifecycle",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "s3:DeleteBucketOwnershipControls",
    "aws:s3/bucketVersioning:BucketVersioning": "s3:PutBucketVersioning",  # suspends it
}


class Guarded:
    """A job whose volume and bucket are protected, and what was tried on it."""

    def __init__(self, runctl: Runctl, cloud_url: str) -> None:
        self.runctl = runctl
        self.points = CloudPoints(cloud_url)
        self.cloud_url = cloud_url
        self.job = write_job(runctl.folder, "guarded", volumes=[VOLUME], artifacts={"keep": True})
        runctl.json("up", str(self.job), "--yes", timeout=900)
        self.protected = self.state()

    def state(self) -> dict[str, str]:
        """Id by type of all that is protected in the state."""
        exported = pulumi(self.runctl, "guarded", "stack", "export")
        resources = json.loads(exported.stdout)["deployment"]["resources"]
        return {each["type"]: each["id"] for each in resources if each.get("protect") and each.get("id")}

    def file(self, **changes: Any) -> str:
        values = {"volumes": [VOLUME], "artifacts": {"keep": True}, **changes}
        return str(write_job(self.runctl.folder, "guarded", **values))

    def config(self, key: str, change: Callable[[Any], Any]) -> None:
        """Change one value of the stack's configuration by hand, as a commit of a GitOps folder would."""
        held = pulumi(self.runctl, "guarded", "config", "get", f"runctl:{key}").stdout
        changed = json.dumps(change(json.loads(held)))
        done = pulumi(self.runctl, "guarded", "config", "set", f"runctl:{key}", shlex.quote(changed))
        assert done.returncode == 0, done.stderr

    def restore(self) -> None:
        """The job as its file says, whatever was tried."""
        self.runctl("up", self.file(), "--yes", "--rerun", timeout=900)


@pytest.fixture
def guarded(runctl: Runctl, cloud_url: str) -> Iterator[Guarded]:
    job = Guarded(runctl, cloud_url)
    yield job
    names = ("--include-protected", "data", "--include-protected", "bucket")
    runctl("down", "guarded", "--yes", *names, "--confirm", "data", "--confirm", "bucket", code=None)
    assert leaks("guarded", cloud_url) == []


def up_by_hand(job: Guarded) -> int:
    return pulumi(job.runctl, "guarded", "up", "--yes", "--skip-preview").returncode


def removed_from_the_file(job: Guarded) -> int:
    ran: Ran = job.runctl("up", job.file(volumes=[]), "--yes", code=4)
    assert "guarded.yaml:" in ran.text
    return ran.code


def another_zone_in_the_file(job: Guarded) -> int:
    return job.runctl("up", job.file(zones=["us-east-1d"]), "--yes", code=4).code


def another_volume_in_the_file(job: Guarded) -> int:
    volume = {"name": "data", "id": "vol-0123456789abcdef0", "mount": "/data"}
    return job.runctl("up", job.file(volumes=[volume]), "--yes", code=None).code


def removed_by_hand(job: Guarded) -> int:
    job.config("job", lambda spec: {**spec, "volumes": []})
    return up_by_hand(job)


def moved_by_hand(job: Guarded) -> int:
    job.config("placement", lambda place: {**place, "zone": "us-east-1d"})
    return up_by_hand(job)


def renamed_by_hand(job: Guarded) -> int:
    """Another name is another bucket. Only planned: an update makes the new ones before it is refused."""
    job.config("job", lambda spec: {**spec, "name": "renamed"})
    return pulumi(job.runctl, "guarded", "preview").returncode


def destroyed_by_hand(job: Guarded) -> int:
    return pulumi(job.runctl, "guarded", "destroy", "--yes", "--skip-preview").returncode


def moved_to_a_group(job: Guarded) -> int:
    """The machine, its launch template and its group come and go; what is protected stays."""
    file = job.file(recovery="cloud", spot_policy="spot")
    return job.runctl("up", file, "--yes", "--rerun", timeout=600).code


def taken_down(job: Guarded) -> int:
    return job.runctl("down", "guarded", "--yes").code


TRIED: tuple[tuple[Callable[[Guarded], int], bool], ...] = (
    (removed_from_the_file, False),
    (another_zone_in_the_file, False),
    (another_volume_in_the_file, False),
    (removed_by_hand, False),
    (moved_by_hand, False),
    (renamed_by_hand, False),
    (destroyed_by_hand, False),
    (moved_to_a_group, True),
    (taken_down, True),
)
"""What is tried, and whether it succeeds by keeping what is protected."""


@pytest.mark.matrix
def test_nothing_protected_is_deleted_whatever_is_tried(guarded: Guarded) -> None:
    assert set(guarded.protected) == set(DELETIONS), "every kind that can be protected is there"
    for attempt, succeeds in TRIED:
        guarded.points.count(caller="", reads=False)
        code = attempt(guarded)
        sent = guarded.points.seen()
        guarded.points.clear()
        assert (code == 0) is succeeds, attempt.__name__
        deletions = [call for call in sent if call in DELETIONS.values()]
        assert deletions == [], attempt.__name__
        inventory = read_inventory(guarded.cloud_url)
        alive = {row["id"] for rows in inventory.values() for row in rows}
        assert guarded.protected["aws:ebs/volume:Volume"] in alive, attempt.__name__
        assert guarded.protected["aws:s3/bucket:Bucket"] in alive, attempt.__name__
        assert guarded.state() == guarded.protected, attempt.__name__
        outcome = "kept" if succeeds else f"refused ({code})"
        counted = f"{len(DELETIONS)} protected types, 0 of {len(sent)} writes"
        print(f"{attempt.__name__:28} {outcome:12} {counted}")
        if attempt.__name__.endswith("_by_hand"):
            guarded.restore()
    assert Path(guarded.job).exists()
