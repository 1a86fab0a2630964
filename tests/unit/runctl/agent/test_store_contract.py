"""What every store does: the bucket, the folder, and the stand-in that other tests use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore
from support.s3_in_memory import S3InMemory
from support.s3_web import s3_store

from runctl_auto.agent.errors import AgentError, FileChangedError, IntegrityError
from runctl_auto.agent.store.folder_store import FolderStore
from runctl_auto.agent.store.store import Store

STORES: dict[str, Callable[[Path], Store]] = {
    "bucket": lambda folder: s3_store(S3InMemory("b"), "b"),
    "bucket, small pages and parts": lambda folder: s3_store(S3InMemory("b", page_size=2), "b", part_bytes=4),
    "folder": lambda folder: FolderStore(folder / "store"),
    "stand-in": lambda folder: MemoryStore(),
}
REAL = [name for name in STORES if name != "stand-in"]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def test_what_is_put_is_got(store: Store) -> None:
    store.put("runs/r1/status.json", b"{}", content_type="application/json")
    store.put("runs/r1/empty", b"")
    assert store.get("runs/r1/status.json", 1000) == store.find("runs/r1/status.json", 1000) == b"{}"
    assert store.get("runs/r1/empty", 1000) == b""


def test_a_put_replaces(store: Store) -> None:
    store.put("k", b"longer than the next")
    store.put("k", b"next")
    assert store.get("k", 1000) == b"next"
    assert store.object_sizes("") == {"k": 4}


def test_only_one_puts_a_new_object(store: Store) -> None:
    assert store.put_new("runs/r1/notices/1.json", b"first")
    assert not store.put_new("runs/r1/notices/1.json", b"second")
    assert store.get("runs/r1/notices/1.json", 1000) == b"first"
    store.put("runs/r1/notices/1.json", b"third")
    assert not store.put_new("runs/r1/notices/1.json", b"fourth")


@pytest.mark.parametrize("absent", ["runs/r1/statu", "runs/r1", "runs/r1/status.json/deeper", "other"])
def test_what_is_absent(store: Store, absent: str, tmp_path: Path) -> None:
    store.put("runs/r1/status.json", b"{}")
    assert store.find(absent, 1000) is None
    with pytest.raises(AgentError):
        store.get(absent, 1000)
    with pytest.raises(AgentError):
        store.download(absent, tmp_path / "target", 10**9)


def test_a_name_may_hold_any_sign(store: Store) -> None:
    names = ["a b", "ä", "100%", "a+b", "x&y<z>", "#1", "?", "a\\b", "..a", "~"]
    for name in names:
        store.put(f"artifacts/{name}/{name}", name.encode())
    assert list(store.object_sizes("artifacts/")) == sorted(f"artifacts/{name}/{name}" for name in names)
    assert store.list_folders("artifacts/") == sorted(names)
    assert [store.get(f"artifacts/{name}/{name}", 1000) for name in names] == [
        name.encode() for name in names
    ]


def test_deleting(store: Store) -> None:
    store.put("checkpoints/line/1/manifest.json", b"{}")
    store.put("checkpoints/line/2/manifest.json", b"{}")
    store.delete("checkpoints/line/1/manifest.json")
    store.delete("checkpoints/line/1/manifest.json")
    store.delete("checkpoints/line")
    assert store.find("checkpoints/line/1/manifest.json", 1000) is None
    assert store.list_folders("checkpoints/line/") == ["2"]
    store.put("checkpoints/line/1/manifest.json", b"again")
    assert store.get("checkpoints/line/1/manifest.json", 1000) == b"again"


def test_a_listing_is_in_order_with_sizes(store: Store) -> None:
    for number in (3, 1, 11, 2, 10):
        store.put(f"logs/0/{number:08d}.log", b"x" * number)
    store.put("logs/1/00000000.log", b"other node")
    store.put("logs-of-another", b"")
    assert list(store.object_sizes("logs/0/").items()) == [
        (f"logs/0/{number:08d}.log", number) for number in (1, 2, 3, 10, 11)
    ]
    assert list(store.object_sizes("logs/0/0000001")) == ["logs/0/00000010.log", "logs/0/00000011.log"]
    assert next(iter(store.object_sizes("logs"))) == "logs-of-another"
    assert store.object_sizes("logs/2/") == store.object_sizes("none/at/all") == {}


def test_folders_are_the_next_names(store: Store) -> None:
    for name in ("00000002/files/deep/a", "00000002/manifest.json", "00000000/x", "y"):
        store.put(f"c/line/{name}", b"")
    assert store.list_folders("c/line/") == ["00000000", "00000002"]
    assert store.list_folders("c/") == ["line"]
    assert store.list_folders("none/") == []


@pytest.mark.parametrize("content", [b"", b"abc", b"0123456789", os.urandom(3_000_000)], ids=len)
def test_a_file_goes_up_and_comes_down_with_its_hash(store: Store, tmp_path: Path, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    with file_of(tmp_path, content).open("rb") as file:
        assert store.upload("files/f", file, len(content)) == digest
    target = tmp_path / "target"
    target.write_bytes(b"what was there, longer than the file" * 10)
    assert store.download("files/f", target, 10**9) == digest
    assert target.read_bytes() == content
    assert store.object_sizes("files/") == {"files/f": len(content)}


def test_only_the_first_bytes_go_up(store: Store, tmp_path: Path) -> None:
    with file_of(tmp_path, b"lines\nand more").open("rb") as file:
        assert store.upload("f", file, 6) == hashlib.sha256(b"lines\n").hexdigest()
    assert store.get("f", 1000) == b"lines\n"


@pytest.mark.parametrize("name", REAL)
def test_a_file_that_became_shorter_is_not_stored(name: str, tmp_path: Path) -> None:
    store = STORES[name](tmp_path)
    store.put("f", b"as before")
    with file_of(tmp_path, b"short").open("rb") as file, pytest.raises(FileChangedError):
        store.upload("f", file, 6)
    assert store.get("f", 1000) == b"as before"
    assert store.object_sizes("") == {"f": 9}


def test_patience_changes_nothing_that_is_stored(store: Store) -> None:
    store.patient(60).put("k", b"x")
    assert store.get("k", 1000) == store.patient(60).get("k", 1000) == b"x"


def test_no_more_is_read_than_asked_for(store: Store, tmp_path: Path) -> None:
    store.put("k", b"0123456789")
    assert store.get("k", 10) == store.find("k", 10) == b"0123456789"
    for read in (store.get, store.find):
        with pytest.raises(IntegrityError, match="k is larger than 9 bytes"):
            read("k", 9)
    assert store.download("k", tmp_path / "target", 4) == hashlib.sha256(b"0123").hexdigest()
    assert (tmp_path / "target").read_bytes() == b"0123"
    assert store.download("k", tmp_path / "target", 0) == hashlib.sha256(b"").hexdigest()
