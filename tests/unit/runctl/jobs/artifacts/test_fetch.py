"""Artifacts at home: as they were on the machine."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.s3_in_memory import OWNER, S3InMemory
from support.s3_web import s3_store

from runctl_auto.agent.keys import artifacts_prefix, file_key, manifest_key
from runctl_auto.agent.saving.artifacts import collect, upload_artifacts
from runctl_auto.errors import UnfetchedArtifactsError
from runctl_auto.jobs.artifacts.fetch import Download, fetch_artifacts
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket import JobBucket


class Places:
    """A machine's work folder, and home."""

    def __init__(self, root: Path) -> None:
        self.s3 = S3InMemory("b")
        self.work = root / "work"
        self.home = root / "home/r1"
        (self.work / "model").mkdir(parents=True)

    def travel(self) -> Download:
        found = collect(self.work, ("model",), pytest.fail)
        upload_artifacts(s3_store(self.s3, "b"), "r1", self.work, found, self.work.parent / "scratch")
        return self.fetch()

    def fetch(self) -> Download:
        cloud = Cloud(lambda service, region: self.s3, "us-east-1", sleep=lambda _: None)
        download = fetch_artifacts(JobBucket(cloud, "b", OWNER), "r1", self.home)
        assert download is not None
        return download


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_modes_times_empty_folders_and_what_links_led_to(places: Places) -> None:
    model = places.work / "model"
    (places.work / "out/step-3").mkdir(parents=True)
    (places.work / "out/step-3/w.pt").write_text("weights")
    (model / "best").symlink_to("../out/step-3")
    (model / "run.sh").write_text("x")
    (model / "run.sh").chmod(0o755)
    (model / "secret").write_text("x")
    (model / "secret").chmod(0o000 if os.geteuid() == 0 else 0o400)  # the agent is root on a machine
    (model / "logs").mkdir()
    for number, name in enumerate(("run.sh", "secret", "logs")):
        os.utime(model / name, ns=(0, 10**18 + number))
    download = places.travel()
    home = places.home / "model"
    assert sorted(download.files) == ["model/best/w.pt", "model/run.sh", "model/secret"]
    assert (home / "best/w.pt").read_text() == "weights"
    assert not (home / "best").is_symlink()
    assert oct((home / "run.sh").stat().st_mode & 0o777) == "0o755"
    assert oct((home / "secret").stat().st_mode & 0o777) == "0o400", "its owner can read it"
    assert [(home / name).stat().st_mtime_ns for name in ("run.sh", "secret", "logs")] == [
        10**18,
        10**18 + 1,
        10**18 + 2,
    ]
    assert list((home / "logs").iterdir()) == []


def test_a_sparse_file_keeps_its_holes(places: Places) -> None:
    with (places.work / "model/map.bin").open("wb") as file:
        file.truncate(40_000_000)
        file.seek(10_000_000)
        file.write(b"data")
    places.travel()
    found = places.home / "model/map.bin"
    assert found.read_bytes() == (places.work / "model/map.bin").read_bytes()
    assert found.stat().st_blocks * 512 < 1_000_000
    assert [each.name for each in found.parent.iterdir()] == ["map.bin"]


def test_what_is_there_is_not_fetched_again_and_what_was_changed_is(places: Places) -> None:
    (places.work / "model/a").write_text("1")
    with (places.work / "model/map.bin").open("wb") as file:
        file.truncate(1_000_000)
    (places.work / "model/empty").mkdir()
    assert places.travel().fetched
    assert not places.fetch().fetched
    (places.home / "model/empty").rmdir()
    assert places.fetch().fetched
    (places.home / "model/a").write_text("2")
    assert places.fetch().fetched
    assert (places.home / "model/a").read_text() == "1"


def test_what_could_not_be_stored_is_told(places: Places) -> None:
    (places.work / "model/a").write_text("1")
    os.mkfifo(places.work / "model/pipe")
    download = places.travel()
    assert [(problem.path, problem.why) for problem in download.problems] == [("model/pipe", "is a pipe")]
    assert download.files == ("model/a",)


def test_a_read_only_folder_can_be_fetched_again(places: Places) -> None:
    (places.work / "model/deep").mkdir()
    (places.work / "model/deep/a").write_text("1")
    (places.work / "model/deep").chmod(0o555)
    places.travel()
    (places.home / "model/deep/a").unlink()
    assert places.fetch().fetched


def plant(places: Places, **entry: Any) -> None:
    """A manifest of one file, which a machine wrote without the agent."""
    stored = {"path": "a", "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest(), **entry}
    objects = places.s3.buckets["b"]
    objects[manifest_key(artifacts_prefix("r1"))] = json.dumps({"files": [stored]}).encode()
    objects[file_key(artifacts_prefix("r1"), str(stored["path"]))] = b"x" * 5_000_000


def test_a_download_ends_at_its_stated_size(places: Places) -> None:
    plant(places)
    places.fetch()
    assert (places.home / "a").read_bytes() == b"x"


def test_a_machine_cannot_have_files_run_as_their_owner_or_written_by_others(places: Places) -> None:
    plant(places, mode=0o6777, mtime_ns=2**62)
    places.fetch()
    assert oct((places.home / "a").stat().st_mode & 0o7777) == "0o755"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"bytes": 2**53, "sha256": "0"}, "has room for"),
        (
            {"bytes": 2**53, "extents": [[0, 1], [2**40, 5]], "sha256": "0"},
            "did not arrive|could not be written",
        ),
        ({"path": ".artifacts.json"}, "runctl writes its own record there"),
        ({"path": "/".join(["x" * 255] * 16)}, "could not be written"),
    ],
    ids=["larger than the disk", "sparse", "the record", "a path that is too long"],
)
def test_what_cannot_be_at_home_is_refused_and_leaves_what_is_there(
    places: Places, entry: dict[str, Any], why: str
) -> None:
    places.home.mkdir(parents=True)
    (places.home / "mine").write_text("precious")
    plant(places, **entry)
    with pytest.raises(UnfetchedArtifactsError, match=why):
        places.fetch()
    assert [(each.name, each.read_text()) for each in places.home.iterdir()] == [("mine", "precious")]
