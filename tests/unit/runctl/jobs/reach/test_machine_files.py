"""Files go to a machine and come from it by way of the bucket, and nothing of them stays there."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO
from unittest.mock import create_autospec

import pytest
from support.objects_in_memory import ObjectsInMemory

from runctl_auto.agent.errors import AgentError, NotFoundError
from runctl_auto.agent.reach.file_exchange import FileExchange
from runctl_auto.agent.reach.reach_contract import GIVE
from runctl_auto.errors import RemoteCommandError, UnfetchedArtifactsError, UsageError
from runctl_auto.jobs.reach import machine_files
from runctl_auto.jobs.reach.machine import ReachedMachine
from runctl_auto.jobs.reach.machine_files import fetch_from_machine, send_to_machine
from runctl_auto.transfer.options import Options

OPTIONS = Options(part_bytes=8, at_once=2)


class BucketStore:
    """The agent's store over the objects of a bucket in memory."""

    def __init__(self, data: ObjectsInMemory) -> None:
        self.data = data

    def get(self, key: str, at_most: int) -> bytes:
        if key not in self.data.objects:
            raise NotFoundError(f"GET {key}", 404, "NoSuchKey", "")
        return self.data.objects[key].content

    def put(self, key: str, data: bytes, content_type: str = "") -> None:
        self.data.put(key, data)

    def delete(self, key: str) -> None:
        self.data.objects.pop(key, None)

    def object_sizes(self, prefix: str) -> dict[str, int]:
        return {key: len(each.content) for key, each in self.data.objects.items() if key.startswith(prefix)}

    def upload(self, key: str, file: BinaryIO, size: int) -> str:
        content = file.read(size)
        self.data.put(key, content)
        return hashlib.sha256(content).hexdigest()

    def download(self, key: str, target: Path, at_most: int) -> str:
        content = self.get(key, at_most)[:at_most]
        target.write_bytes(content)
        return hashlib.sha256(content).hexdigest()


class World:
    """A person's folder, a machine's, and the bucket between them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.here, self.there = folder / "here", folder / "there"
        self.here.mkdir()
        self.there.mkdir()
        self.data = ObjectsInMemory()
        self.store: Any = BucketStore(self.data)
        self.admitted: list[str] = []
        self.answer: str | None = None
        self.machine = create_autospec(ReachedMachine, instance=True)
        self.machine.run = "r1"
        self.machine.config = SimpleNamespace(account="1")
        self.machine.results = SimpleNamespace(name="bucket", objects=lambda: self.store)
        self.machine.provider = SimpleNamespace(bucket=lambda name, account: self.data)
        patch.setattr(machine_files, "admit", lambda machine, kind: self.admitted.append(kind))
        patch.setattr(machine_files, "RemoteScript", self.script)

    def script(self, _: object, arguments: Sequence[str], **told: object) -> Any:
        verb, identity, digest = arguments

        def run() -> str:
            if self.answer is not None:
                return self.answer
            exchange = FileExchange(self.store, "r1", identity, digest, lambda path: self.there / path[1:])
            try:
                return json.dumps(exchange.give() if verb == GIVE else exchange.take())
            except AgentError as error:
                raise RemoteCommandError(str(error)) from error

        return SimpleNamespace(run=run, end=lambda: None)

    def fetch(self, path: str, name: str, *, into: bool = False) -> Any:
        return fetch_from_machine(self.machine, path, self.here / name, OPTIONS, into=into)

    def send(self, name: str, path: str) -> Any:
        return send_to_machine(self.machine, self.here / name, path, self.here / "journals", OPTIONS)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def tree(root: Path) -> dict[str, bytes]:
    return {
        each.relative_to(root).as_posix(): each.read_bytes() for each in root.rglob("*") if each.is_file()
    }


def fill(root: Path) -> dict[str, bytes]:
    (root / "deep").mkdir(parents=True)
    (root / "a").write_bytes(b"1")
    (root / "deep" / "large").write_bytes(bytes(range(50)))
    return tree(root)


def test_a_folder_comes_whole_and_nothing_stays_in_the_bucket(world: World) -> None:
    expected = fill(world.there / "results")
    outcome = world.fetch("/results", "out")
    assert tree(world.here / "out") == expected
    assert (outcome.files, outcome.unverified) == (2, ())
    assert not world.data.objects
    assert world.admitted == ["transfer"]


def test_a_file_becomes_the_target_or_lies_in_it(world: World) -> None:
    fill(world.there / "results")
    world.fetch("/results/a", "b")
    world.fetch("/results/a", "new", into=True)
    assert (world.here / "b").read_bytes() == (world.here / "new" / "a").read_bytes() == b"1"


def test_a_folder_that_is_not_empty_stays(world: World) -> None:
    fill(world.there / "results")
    fill(world.here / "out")
    with pytest.raises(UsageError, match="not an empty folder"):
        world.fetch("/results", "out")
    assert not world.data.objects


def test_what_the_machine_does_not_have_is_told(world: World) -> None:
    with pytest.raises(RemoteCommandError, match="does not exist"):
        world.fetch("/nothing", "out")
    assert not world.data.objects


@pytest.mark.parametrize("answer", ["", "[]", "{}"])
def test_an_answer_that_is_none_is_told(world: World, answer: str) -> None:
    world.answer = answer
    with pytest.raises(RemoteCommandError, match="cannot be read"):
        world.fetch("/results", "out")


def test_other_bytes_than_the_machine_stored_are_refused(world: World) -> None:
    fill(world.there / "results")

    def spoil(operation: str, key: str) -> None:
        if operation == "list":
            for name, each in world.data.objects.items():
                if name.endswith("/a"):
                    each.content = b"2"
                    each.whole_sum = None

    world.data.before = spoil
    with pytest.raises(UnfetchedArtifactsError, match="not what was stored"):
        world.fetch("/results", "out")
    assert not (world.here / "out").exists()
    assert [each.name for each in world.here.iterdir()] == []


def test_a_tree_goes_there_with_its_links(world: World) -> None:
    expected = fill(world.here / "src")
    (world.here / "src" / "link").symlink_to("deep/large")
    (world.here / "src" / "out").symlink_to("/etc/passwd")
    (world.there / "data").mkdir()
    (world.there / "data" / "kept").write_bytes(b"k")
    outcome = world.send("src", "/data")
    assert tree(world.there / "data") == {**expected, "kept": b"k", "link": bytes(range(50))}
    assert (world.there / "data" / "link").is_symlink()
    assert [each.path for each in outcome.not_transferable] == ["out"]
    assert not world.data.objects


def test_a_file_goes_to_the_path_or_into_the_folder(world: World) -> None:
    (world.here / "x").write_bytes(b"x" * 20)
    world.send("x", "/y")
    world.send("x", "/d/")
    assert tree(world.there) == {"y": b"x" * 20, "d/x": b"x" * 20}


def test_what_a_stopped_command_sent_is_not_sent_again(world: World) -> None:
    fill(world.here / "src")

    def stop(operation: str, key: str) -> None:
        if operation == "complete":
            raise KeyboardInterrupt

    world.data.before = stop
    with pytest.raises(KeyboardInterrupt):
        world.send("src", "/data")
    gc.collect()  # a dead process holds no lock
    sent, world.data.before = world.data.sent_bytes, lambda *_: None
    world.send("src", "/data")
    assert world.data.sent_bytes == sent
    assert tree(world.there / "data") == tree(world.here / "src")
