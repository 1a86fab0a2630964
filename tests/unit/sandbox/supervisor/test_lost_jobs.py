import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.supervisor import lost_jobs

STACK = {"type": "pulumi:pulumi:Stack", "urn": "u", "custom": False}
PROVIDER = {"type": "pulumi:providers:aws", "urn": "p", "custom": True}
COMPONENT = {"type": "runctl:index:DataVolume", "urn": "c"}
BUCKET = {"type": "aws:s3/bucket:Bucket", "urn": "b", "custom": True}


def write(state: Path, job: str, resources: list[Any] | None, *, zipped: bool = False) -> None:
    latest = None if resources is None else {"resources": resources}
    data = json.dumps({"version": 3, "checkpoint": {"stack": job, "latest": latest}}).encode()
    folder = state / ".pulumi" / "stacks" / "runctl"
    folder.mkdir(parents=True, exist_ok=True)
    if zipped:
        (folder / f"{job}.json.gz").write_bytes(gzip.compress(data))
    else:
        (folder / f"{job}.json").write_bytes(data)


def test_only_stacks_with_resources_of_the_cloud_are_lost(tmp_path: Path) -> None:
    write(tmp_path, "digits", [STACK, PROVIDER, COMPONENT, BUCKET])
    write(tmp_path, "zipped", [BUCKET], zipped=True)
    write(tmp_path, "down", [STACK, PROVIDER, COMPONENT])
    write(tmp_path, "fresh", None)
    write(tmp_path, "empty", [])
    assert lost_jobs.jobs_in(tmp_path) == ["digits", "zipped"]


def test_backups_are_no_stacks(tmp_path: Path) -> None:
    write(tmp_path, "down", [])
    backup = tmp_path / ".pulumi" / "stacks" / "runctl" / "down.json.bak"
    backup.write_text(json.dumps({"checkpoint": {"latest": {"resources": [BUCKET]}}}))
    assert lost_jobs.jobs_in(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"checkpoint": null}'])
def test_a_broken_checkpoint_is_passed_over(tmp_path: Path, text: str) -> None:
    write(tmp_path, "digits", [BUCKET])
    (tmp_path / ".pulumi" / "stacks" / "runctl" / "broken.json").write_text(text)
    assert lost_jobs.jobs_in(tmp_path) == ["digits"]


def test_no_backend_has_no_jobs(tmp_path: Path) -> None:
    assert lost_jobs.jobs_in(tmp_path / "absent") == []


def test_a_note_is_taken_once(tmp_path: Path) -> None:
    lost_jobs.note(tmp_path, ["b"])
    lost_jobs.note(tmp_path, ["a", "b"])
    lost_jobs.note(tmp_path, [])
    assert lost_jobs.take_note(tmp_path) == ("a", "b")
    assert lost_jobs.take_note(tmp_path) == ()
