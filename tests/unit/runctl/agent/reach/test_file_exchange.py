"""Files that a person fetches from a machine, and sends to it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.keys import file_key, manifest_key
from runctl_auto.agent.reach.file_exchange import FileExchange
from runctl_auto.agent.reach.reach_contract import exec_output_prefix, exec_request_key, exec_request_prefix
from runctl_auto.agent.saving.manifest import Manifest, StoredFile, StoredFolder
from runctl_auto.agent.saving.manifest_reading import parse_manifest

RUN, ID = "r1", "0a"
OUT, IN = exec_output_prefix(RUN, ID), exec_request_prefix(RUN, ID)


class Machine:
    """A machine whose root is a folder."""

    def __init__(self, store: MemoryStore, root: Path) -> None:
        self.store, self.root = store, root

    def asked(self, path: str, *, is_folder: bool = False, digest: str | None = None) -> FileExchange:
        request = json.dumps({"schema": 1, "path": path, "is_folder": is_folder}).encode()
        self.store.objects[exec_request_key(RUN, ID)] = request
        sha256 = digest or hashlib.sha256(request).hexdigest()
        return FileExchange(self.store, RUN, ID, sha256, lambda path: self.root / path.lstrip("/"))

    def write(self, name: str, content: bytes = b"1") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def send(self, files: dict[str, bytes], **others: object) -> None:
        stored = [
            StoredFile(path, len(content), hashlib.sha256(content).hexdigest(), 0o640, 5)
            for path, content in files.items()
        ]
        for path, content in files.items():
            self.store.objects[file_key(IN, path)] = content
        self.store.objects[manifest_key(IN)] = Manifest(tuple(stored), **others).to_json()  # type: ignore[arg-type]


@pytest.fixture
def machine(store: MemoryStore, tmp_path: Path) -> Machine:
    return Machine(store, tmp_path)


def given(machine: Machine) -> dict[str, bytes]:
    manifest = parse_manifest(machine.store.objects[manifest_key(OUT)])
    assert machine.store.puts[-1] == manifest_key(OUT)
    return {each.path: machine.store.objects[file_key(OUT, each.path)] for each in manifest.files}


@pytest.mark.parametrize("name", ["model.pt", "odd [1]*.pt"])
def test_a_file_is_given(machine: Machine, name: str) -> None:
    machine.write(f"data/{name}", b"weights")
    machine.write("data/odd 1x.pt")
    told = machine.asked(f"/data/{name}").give()
    assert told == {"schema": 1, "is_folder": False, "files": 1, "bytes": 7}
    assert given(machine) == {name: b"weights"}


def test_the_content_of_a_folder_is_given(machine: Machine) -> None:
    machine.write("data/a")
    machine.write("data/b/c", b"2")
    (machine.root / "data" / "out").symlink_to("/etc")
    told = machine.asked("/data/").give()
    assert (told["is_folder"], told["files"]) == (True, 2)
    assert given(machine) == {"a": b"1", "b/c": b"2"}
    problems = parse_manifest(machine.store.objects[manifest_key(OUT)]).problems
    assert [each.path for each in problems] == ["out"]


@pytest.mark.parametrize("path", ["/nothing", "relative"])
def test_what_cannot_be_given(machine: Machine, path: str) -> None:
    with pytest.raises(AgentError):
        machine.asked(path).give()
    assert not machine.store.puts


def test_a_file_becomes_the_path_or_lies_in_the_folder(machine: Machine) -> None:
    machine.send({"a.txt": b"new"})
    machine.asked("/x/b.txt").take()
    machine.asked("/x/").take()
    machine.write("x/b.txt", b"old")
    machine.asked("/x/b.txt").take()
    assert (machine.root / "x/b.txt").read_bytes() == b"new"
    assert (machine.root / "x/b.txt").stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in (machine.root / "x").iterdir()) == ["a.txt", "b.txt"]


def test_a_tree_is_laid_over_what_is_there(machine: Machine) -> None:
    machine.write("d/kept")
    machine.write("d/sub/old", b"old")
    machine.send(
        {"sub/old": b"new", "one": b"1"}, links={"link": "one"}, folders=(StoredFolder("empty", 0o755, 0),)
    )
    machine.asked("/d", is_folder=True).take()
    found = {
        each.relative_to(machine.root / "d").as_posix(): each.read_bytes()
        for each in (machine.root / "d").rglob("*")
        if each.is_file()
    }
    assert found == {"kept": b"1", "sub/old": b"new", "one": b"1", "link": b"1"}
    assert (machine.root / "d" / "empty").is_dir()
    assert (machine.root / "d" / "link").is_symlink()


def test_other_bytes_than_were_sent_replace_nothing(machine: Machine) -> None:
    machine.write("d/a", b"old")
    machine.send({"a": b"new"})
    machine.store.objects[file_key(IN, "a")] = b"bad"
    with pytest.raises(IntegrityError):
        machine.asked("/d", is_folder=True).take()
    assert [each.name for each in (machine.root / "d").iterdir()] == ["a"]
    assert (machine.root / "d/a").read_bytes() == b"old"


def test_a_request_that_was_not_sent_is_refused(machine: Machine) -> None:
    machine.write("a")
    with pytest.raises(IntegrityError, match="not the one"):
        machine.asked("/a", digest="0" * 64).give()
