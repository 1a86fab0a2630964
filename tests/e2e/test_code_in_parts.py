"""A large work folder in the sandbox: a changed file is one new part, and the job has all files."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import emulated_cloud
from support.cloud_scanner import leaks
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

JOB = "large"
FILES, SIZE = 60, 1_500_000


def fill(work: Path) -> None:
    (work / "data").mkdir(parents=True)
    for number in range(FILES):
        (work / "data" / f"{number:02}").write_bytes(random.Random(number).randbytes(SIZE))
    (work / "train.sh").write_text("cat data/* | sha256sum\n")


def sum_of(work: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted((work / "data").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def parts(cloud_url: str) -> dict[str, Any]:
    """The parts in the job's bucket, with the time of their upload."""
    s3 = emulated_cloud.client(cloud_url, "s3")
    names = [each["Name"] for each in s3.list_buckets()["Buckets"] if f"-{JOB}-" in each["Name"]]
    listed = s3.list_objects_v2(Bucket=names[0], Prefix="code/")["Contents"]
    return {each["Key"]: each["LastModified"] for each in listed if each["Key"].endswith(".tar")}


def test_a_changed_file_is_one_new_part(runctl: Runctl, cloud_url: str) -> None:
    work = runctl.folder / f"{JOB}-work"
    fill(work)
    job = {
        "name": JOB,
        "region": "us-east-1",
        "workdir": work.name,
        "run": "sh train.sh",
        "max_duration": "1h",
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
    }
    (runctl.folder / f"{JOB}.yaml").write_text(yaml.safe_dump(job))
    try:
        runctl("up", f"{JOB}.yaml", "--yes", timeout=600)
        assert sum_of(work) in runctl("logs", JOB).out
        before = parts(cloud_url)
        assert len(before) > 5
        (work / "data" / "07").write_bytes(b"changed")
        runctl("up", f"{JOB}.yaml", "--yes", timeout=600)
        assert sum_of(work) in runctl("logs", JOB).out
        after = parts(cloud_url)
        assert len(after.items() - before.items()) == 1
        assert len(after) == len(before)
    finally:
        runctl("down", JOB, "--yes", "--discard-artifacts", code=None, timeout=600)
    assert leaks(JOB, cloud_url) == []
