from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from runctl_auto.agent.errors import AgentError, S3Error
from runctl_auto.agent.keys import artifacts_prefix, file_key, manifest_key
from runctl_auto.agent.saving.artifacts import Artifacts, collect, upload_artifacts
from runctl_auto.agent.saving.manifest import Manifest

MANIFEST = manifest_key(artifacts_prefix("r1"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in ("model/a.bin", "model/deep/b.bin", "output/note", "log-1.txt", "log-2.txt"):
        path = tmp_path / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "work"


def upload(store, work: Path, *paths: str) -> Manifest:
    found = collect(work, paths, pytest.fail)
    return upload_artifacts(store, "r1", work, found, work.parent / "scratch")


def problems(found: Artifacts | Manifest) -> dict[str, str]:
    return {problem.path: problem.why for problem in found.problems}


def stored(store) -> dict[str, bytes]:
    prefix = file_key(artifacts_prefix("r1"), "")
    return {key.removeprefix(prefix): data for key, data in store.objects.items() if key.startswith(prefix)}


def test_files_folders_and_wildcards_each_once(work: Path, said: list[str]) -> None:
    found = collect(work, ("model", "model/a.bin", "log-*.txt", "output"), said.append)
    assert sorted(found.files) == [
        "log-1.txt",
        "log-2.txt",
        "model/a.bin",
        "model/deep/b.bin",
        "output/note",
    ]
    assert (said, found.problems) == ([], [])


def test_a_path_with_nothing_there_is_told(work: Path, said: list[str]) -> None:
    assert collect(work, ("weights", "*.none"), said.append).files == {}
    assert said == ["artifacts: nothing at weights", "artifacts: nothing at *.none"]


def test_links_are_followed_inside_the_work_folder(work: Path, store) -> None:
    (work / "steps/3").mkdir(parents=True)
    (work / "steps/3/w.pt").write_text("weights")
    (work / "model/best").symlink_to("../steps/3")
    (work / "model/last.pt").symlink_to(work / "steps/3/w.pt")
    (work / "model/chain").symlink_to("best")
    upload(store, work, "model")
    assert stored(store) == {
        "model/a.bin": b"model/a.bin",
        "model/deep/b.bin": b"model/deep/b.bin",
        "model/best/w.pt": b"weights",
        "model/chain/w.pt": b"weights",
        "model/last.pt": b"weights",
    }


def test_what_cannot_be_an_artifact_is_named(work: Path, store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (work / "model/leak").symlink_to(tmp_path / "secret")
    (work / "model/nowhere").symlink_to("none")
    (work / "model/self").symlink_to("self")
    (work / "model/deep/up").symlink_to("..")
    os.mkfifo(work / "model/pipe")
    Path(os.fsdecode(os.fsencode(work) + b"/model/caf\xe9")).write_text("x")
    (work / "model/line\nbreak").write_text("x")
    manifest = upload(store, work, "model")
    assert set(stored(store)) == {"model/a.bin", "model/deep/b.bin"}
    assert problems(manifest) == {
        "model/caf\\xe9": "has a name that is not UTF-8",
        "model/deep/up": "is a link to a folder above it",
        "model/leak": f"is a link that leads out of the work folder: {tmp_path}/secret",
        "model/line\\nbreak": "has a line break in its name",
        "model/nowhere": "is a link that leads nowhere: none",
        "model/pipe": "is a pipe",
        "model/self": "cannot be read: Too many levels of symbolic links",
    }


def test_modes_times_and_folders_are_listed(work: Path, store) -> None:
    (work / "model/empty").mkdir(mode=0o750)
    (work / "model/a.bin").chmod(0o755)
    os.utime(work / "model/a.bin", ns=(5, 123_456_789))
    manifest = upload(store, work, "model")
    file = next(file for file in manifest.files if file.path == "model/a.bin")
    assert (file.mode, file.mtime_ns) == (0o755, 123_456_789)
    assert {folder.path: oct(folder.mode) for folder in manifest.folders} == {
        "model": oct((work / "model").stat().st_mode & 0o7777),
        "model/deep": oct((work / "model/deep").stat().st_mode & 0o7777),
        "model/empty": "0o750",
    }


def test_the_manifest_is_written_last_and_tells_the_truth(work: Path, store) -> None:
    manifest = upload(store, work, "model/a.bin", "output")
    assert store.puts[-1] == MANIFEST
    listed = json.loads(store.objects[MANIFEST])["files"]
    for file in listed:
        data = store.objects[file_key(artifacts_prefix("r1"), file["path"])]
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest.total_bytes == sum(file["bytes"] for file in listed)


def test_of_a_sparse_file_only_the_data_is_stored(work: Path, store) -> None:
    with (work / "model/holes").open("wb") as file:
        file.truncate(30_000_000)
        file.seek(10_000_000)
        file.write(b"data")
    (file,) = [file for file in upload(store, work, "model").files if file.path == "model/holes"]
    assert file.bytes == 30_000_000
    assert len(stored(store)["model/holes"]) == file.stored_bytes < 1_000_000


def test_no_artifacts_are_a_manifest_without_files(work: Path, store) -> None:
    upload_artifacts(store, "r1", work, Artifacts(), work.parent / "scratch")
    assert json.loads(store.objects[MANIFEST]) == {"files": []}


def test_a_store_that_fails_leaves_no_manifest(work: Path, store) -> None:
    store.fail_on("note")
    with pytest.raises(AgentError):
        upload(store, work, "model", "output")
    assert MANIFEST not in store.objects


def test_a_file_that_the_store_refuses_is_named_and_the_rest_is_stored(work: Path, store) -> None:
    def refuse(key: str) -> None:
        if "a.bin" in key:
            raise S3Error(f"PUT {key}", 404, "NoSuchKey", "")

    store.before_put = refuse
    assert set(problems(upload(store, work, "model"))) == {"model/a.bin"}
    assert set(stored(store)) == {"model/deep/b.bin"}


def test_a_file_that_vanished_is_named(work: Path, store, said: list[str]) -> None:
    found = collect(work, ("model", "output"), said.append)
    (work / "model/a.bin").unlink()
    manifest = upload_artifacts(store, "r1", work, found, work.parent / "scratch")
    assert problems(manifest) == {"model/a.bin": "cannot be read: No such file or directory"}


def test_a_file_that_changes_while_it_is_stored_is_stored_again(work: Path, store) -> None:
    texts = ["written anew"]

    def write(key: str) -> None:
        if key.endswith("a.bin") and texts:
            (work / "model/a.bin").write_text(texts.pop())

    store.before_put = write
    manifest = upload(store, work, "model")
    assert manifest.problems == ()
    assert stored(store)["model/a.bin"] == b"written anew"
    assert [file.bytes for file in manifest.files if file.path == "model/a.bin"] == [12]
