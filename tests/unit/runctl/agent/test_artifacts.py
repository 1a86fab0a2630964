from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from runctl_auto.agent.artifacts import collect, upload_artifacts
from runctl_auto.agent.contract import artifacts_prefix, file_key, manifest_key
from runctl_auto.agent.errors import AgentError

MANIFEST = manifest_key(artifacts_prefix("r1"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in ("model/a.bin", "model/deep/b.bin", "output/note", "log-1.txt", "log-2.txt"):
        path = tmp_path / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "work"


def test_files_folders_and_wildcards_each_once(work: Path, said: list[str]) -> None:
    assert collect(work, ("model", "model/a.bin", "log-*.txt", "output"), said.append) == [
        "log-1.txt",
        "log-2.txt",
        "model/a.bin",
        "model/deep/b.bin",
        "output/note",
    ]
    assert said == []


def test_a_path_with_nothing_there_is_told(work: Path, said: list[str]) -> None:
    assert collect(work, ("weights", "*.none"), said.append) == []
    assert said == ["artifacts: nothing at weights", "artifacts: nothing at *.none"]


def test_a_link_out_of_the_work_folder_is_left_out(work: Path, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (work / "model/leak").symlink_to(tmp_path / "secret")
    (work / "model/fine").symlink_to("a.bin")
    assert collect(work, ("model",), said.append) == ["model/a.bin", "model/deep/b.bin", "model/fine"]
    assert said == ["artifacts: model/leak leads out of the work folder and is left out"]


def test_the_manifest_is_written_last_and_tells_the_truth(work: Path, store) -> None:
    manifest = upload_artifacts(store, "r1", work, ["model/a.bin", "output/note"])
    assert store.puts[-1] == MANIFEST
    stored = json.loads(store.objects[MANIFEST])["files"]
    for file in stored:
        data = store.objects[file_key(artifacts_prefix("r1"), file["path"])]
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest.total_bytes == sum(file["bytes"] for file in stored)


def test_no_artifacts_are_a_manifest_without_files(work: Path, store) -> None:
    upload_artifacts(store, "r1", work, [])
    assert json.loads(store.objects[MANIFEST]) == {"files": []}


def test_a_failed_upload_leaves_no_manifest(work: Path, store) -> None:
    store.fail_on("note")
    with pytest.raises(AgentError):
        upload_artifacts(store, "r1", work, ["model/a.bin", "output/note"])
    assert MANIFEST not in store.objects


def test_an_artifact_that_vanished_is_named(work: Path, store) -> None:
    with pytest.raises(AgentError, match="gone"):
        upload_artifacts(store, "r1", work, ["gone"])
