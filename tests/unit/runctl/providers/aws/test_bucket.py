"""The bucket from outside: requests to stop, runs, artifacts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from support.s3_in_memory import OWNER, S3InMemory

from runctl_auto.agent.keys import artifacts_prefix, file_key, manifest_key, status_key, stop_key
from runctl_auto.errors import AccessDeniedError, UnfetchedArtifactsError
from runctl_auto.jobs.artifacts.fetch import fetch_artifacts
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket import JobBucket
from runctl_auto.providers.contract import MOST_RUNS


@pytest.fixture
def s3() -> S3InMemory:
    return S3InMemory("b")


def bucket(s3: S3InMemory, name: str = "b", owner: str = OWNER) -> JobBucket:
    return JobBucket(Cloud(lambda service, region: s3, "us-east-1", sleep=lambda _: None), name, owner)


def leave(s3: S3InMemory, files: dict[str, bytes], run: str = "r1", **wrong: str) -> None:
    for path, content in files.items():
        s3.buckets["b"][file_key(artifacts_prefix(run), path)] = content
    listed = [
        {
            "path": path,
            "bytes": len(content),
            "sha256": wrong.get(path) or hashlib.sha256(content).hexdigest(),
        }
        for path, content in files.items()
    ]
    s3.buckets["b"][manifest_key(artifacts_prefix(run))] = json.dumps({"files": listed}).encode()


def test_a_request_to_stop_is_what_the_agent_reads(s3: S3InMemory) -> None:
    bucket(s3).request_stop("r1", reason="down", grace_seconds=5, at="2026-01-01T00:00:00+00:00")
    assert json.loads(s3.buckets["b"][stop_key("r1")]) == {
        "reason": "down",
        "grace_seconds": 5,
        "at": "2026-01-01T00:00:00+00:00",
    }


def test_another_owners_bucket_is_not_touched(s3: S3InMemory) -> None:
    with pytest.raises(AccessDeniedError):
        bucket(s3, owner="999988887777").request_stop("r1", reason="down", grace_seconds=5, at="")
    assert s3.buckets["b"] == {}


def test_runs_are_listed_and_none_without_a_bucket(s3: S3InMemory) -> None:
    leave(s3, {}, run="0123456789")
    leave(s3, {}, run="a123456789")
    assert bucket(s3).runs() == ("0123456789", "a123456789")
    assert bucket(s3, "gone").runs() == ()


@pytest.mark.parametrize(
    "name", ["..", ".", "", "checkpoints", "0123456789x", "012345678", "A123456789", "0123456789\n"]
)
def test_what_is_named_otherwise_is_no_run(s3: S3InMemory, name: str) -> None:
    leave(s3, {}, run=name)
    leave(s3, {}, run="a123456789")
    assert bucket(s3).runs() == ("a123456789",)


def test_so_many_names_of_runs_are_looked_at(s3: S3InMemory) -> None:
    for number in range(MOST_RUNS + 1):
        s3.buckets["b"][status_key(f"{number:010x}")] = b""
    assert len(bucket(s3).runs()) == MOST_RUNS


def test_artifacts_come_home_whole(s3: S3InMemory, tmp_path: Path) -> None:
    leave(s3, {"model/a.bin": b"aaa", "metrics.json": b"{}"})
    download = fetch_artifacts(bucket(s3), "r1", tmp_path / "runs" / "r1")
    assert download is not None
    assert (download.files, download.bytes, download.fetched) == (("model/a.bin", "metrics.json"), 5, True)
    assert (download.folder / "model" / "a.bin").read_bytes() == b"aaa"
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["r1"]


def test_what_is_at_home_is_not_fetched_again(s3: S3InMemory, tmp_path: Path) -> None:
    leave(s3, {"a": b"aaa"})
    fetch_artifacts(bucket(s3), "r1", tmp_path / "r1")
    s3.calls.clear()
    download = fetch_artifacts(bucket(s3), "r1", tmp_path / "r1")
    assert download is not None
    assert not download.fetched
    assert s3.calls == ["GetObject"]


def test_what_was_damaged_at_home_is_fetched_again(s3: S3InMemory, tmp_path: Path) -> None:
    leave(s3, {"a": b"aaa"})
    fetch_artifacts(bucket(s3), "r1", tmp_path / "r1")
    (tmp_path / "r1" / "a").write_bytes(b"aab")
    assert fetch_artifacts(bucket(s3), "r1", tmp_path / "r1") is not None
    assert (tmp_path / "r1" / "a").read_bytes() == b"aaa"


def test_a_file_that_differs_stops_everything_and_leaves_what_was_there(
    s3: S3InMemory, tmp_path: Path
) -> None:
    (tmp_path / "r1").mkdir()
    (tmp_path / "r1" / "mine").write_text("precious")
    leave(s3, {"a": b"aaa"}, a="0" * 64)
    with pytest.raises(UnfetchedArtifactsError, match="did not arrive"):
        fetch_artifacts(bucket(s3), "r1", tmp_path / "r1")
    assert (tmp_path / "r1" / "mine").read_text() == "precious"


def test_a_file_that_is_listed_and_not_there_stops_everything(s3: S3InMemory, tmp_path: Path) -> None:
    leave(s3, {"a": b"aaa"})
    del s3.buckets["b"][file_key(artifacts_prefix("r1"), "a")]
    with pytest.raises(UnfetchedArtifactsError, match="not in the bucket"):
        fetch_artifacts(bucket(s3), "r1", tmp_path / "r1")
    assert not (tmp_path / "r1").exists()


def test_artifacts_without_their_list_are_told(s3: S3InMemory) -> None:
    assert not bucket(s3).has_unlisted_artifacts("r1")
    s3.buckets["b"][file_key(artifacts_prefix("r1"), "model.bin")] = b"half"
    assert bucket(s3).has_unlisted_artifacts("r1")
    s3.buckets["b"][manifest_key(artifacts_prefix("r1"))] = b'{"files": []}'
    assert not bucket(s3).has_unlisted_artifacts("r1")


def test_no_manifest_means_no_artifacts(s3: S3InMemory, tmp_path: Path) -> None:
    assert fetch_artifacts(bucket(s3), "r1", tmp_path / "r1") is None
    assert not (tmp_path / "r1").exists()


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "a/../../b", ""])
def test_a_manifest_may_not_name_places_outside(s3: S3InMemory, tmp_path: Path, path: str) -> None:
    leave(s3, {path: b"x"})
    with pytest.raises(UnfetchedArtifactsError, match="inside the work folder"):
        fetch_artifacts(bucket(s3), "r1", tmp_path / "in" / "r1")
    assert not (tmp_path / "escape").exists()


@pytest.mark.parametrize("content", [b"not json", b"{}", b'{"files": [{"path": "a"}]}'])
def test_a_manifest_that_cannot_be_read_is_told(s3: S3InMemory, tmp_path: Path, content: bytes) -> None:
    s3.buckets["b"][manifest_key(artifacts_prefix("r1"))] = content
    with pytest.raises(UnfetchedArtifactsError, match="cannot be read"):
        fetch_artifacts(bucket(s3), "r1", tmp_path / "r1")
