"""What only a folder can do wrong: keys that are no paths, half-written files, other processes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from runctl_auto.agent.errors import FileChangedError, NotFoundError, StoreError
from runctl_auto.agent.store.folder_store import DRAFTS, FolderStore


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "deep/store")


def files_in(store: FolderStore) -> list[str]:
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())


def test_an_object_is_a_file_of_this_name(store: FolderStore) -> None:
    store.put("runs/r1/status.json", b"{}")
    assert (store.root / "runs/r1/status.json").read_bytes() == b"{}"
    assert files_in(store) == ["runs/r1/status.json"]


@pytest.mark.parametrize(
    "key", ["", ".", "..", "/etc/passwd", "../up", "a/../../up", "a//b", "a/./b", "a/", "a\0b", f"{DRAFTS}/x"]
)
def test_what_is_no_key_is_refused(store: FolderStore, key: str, tmp_path: Path) -> None:
    reads = (lambda key: store.get(key, 9), lambda key: store.find(key, 9))
    for use in (*reads, store.delete, lambda key: store.put(key, b"x")):
        with pytest.raises(StoreError, match="not a key"):
            use(key)
    assert list(tmp_path.iterdir()) == []


def test_what_is_absent_is_a_typed_error(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no a/b"):
        store.get("a/b", 1000)
    with pytest.raises(NotFoundError):
        store.download("a/b", tmp_path / "target", 10**9)
    assert not (tmp_path / "target").exists()


def test_a_key_below_an_object_cannot_be_written(store: FolderStore) -> None:
    store.put("a", b"x")
    with pytest.raises(StoreError, match="a/b cannot be written"):
        store.put("a/b", b"y")
    assert store.get("a", 1000) == b"x"
    assert files_in(store) == ["a"], "no draft stays"


def test_an_upload_that_fails_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with (tmp_path / "f").open("rb") as file, pytest.raises(FileChangedError):
        store.upload("k", file, 4)
    assert files_in(store) == []


def test_a_draft_is_not_listed(store: FolderStore, tmp_path: Path) -> None:
    store.put("k", b"x")
    (store.root / DRAFTS / "left by a killed process").write_bytes(b"half")
    assert store.object_sizes("") == {"k": 1}
    assert store.object_sizes(".") == {}


def test_empty_folders_go_with_their_last_object(store: FolderStore) -> None:
    store.put("checkpoints/line/1/files/deep/a", b"")
    store.put("checkpoints/line/2/files/a", b"")
    store.delete("checkpoints/line/1/files/deep/a")
    assert sorted(path.name for path in (store.root / "checkpoints/line").iterdir()) == ["2"]


def test_writing_where_folders_are_being_removed(store: FolderStore) -> None:
    """One thread makes and removes the folders that the other writes into."""
    finished = threading.Event()
    errors: list[BaseException] = []

    def make_and_remove() -> None:
        try:
            while not finished.is_set():
                store.put("a/b/other", b"")
                store.delete("a/b/other")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=make_and_remove)
    thread.start()
    try:
        for number in range(50):
            store.put("a/b/mine", str(number).encode())
            assert store.get("a/b/mine", 1000) == str(number).encode()
            store.delete("a/b/mine")
    finally:
        finished.set()
        thread.join()
    assert errors == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_told(store: FolderStore) -> None:
    store.put("a/k", b"x")
    (store.root / "a").chmod(0o500)
    try:
        with pytest.raises(StoreError, match="a/k2 cannot be written"):
            store.put("a/k2", b"x")
    finally:
        (store.root / "a").chmod(0o700)
