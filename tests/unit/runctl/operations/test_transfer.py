"""Which places can be combined, and what a job's results become."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, stack_config
from support.objects_in_memory import ObjectsInMemory
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.agent.keys import artifacts_prefix, file_key
from runctl_auto.agent.saving.manifest import Manifest, StoredFile, StoredFolder
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import (
    ConfirmationNeededError,
    ExtraMissingError,
    NotSupportedError,
    RunctlError,
    TransferDiffersError,
    UnfetchedArtifactsError,
    UsageError,
)
from runctl_auto.local.crc64 import require_transfer_extra
from runctl_auto.operations.transfer import Surroundings, compare_places, transfer
from runctl_auto.transfer.options import Options, Outcome
from runctl_auto.transfer.places import BucketPlace, JobPlace, LocalPlace, MachinePlace, Place, place_of
from runctl_auto.transfer.selection import Selection

RUN = stack_config().run.id
USUAL = Options()


class World:
    """One bucket, and a job with the artifacts of a manifest."""

    def __init__(self, folder: Path, manifest: Manifest | None = None, *, agrees: bool = True) -> None:
        self.data = ObjectsInMemory()
        stack: Any = create_autospec(JobStack, instance=True)
        stack.config.return_value = stack_config().to_values()
        driver: Any = create_autospec(Driver, instance=True)
        driver.open.return_value = stack
        self.provider = fake_provider(results=fake_results(artifacts=manifest))
        self.provider.bucket.return_value = self.data
        told = Told(agrees=agrees)
        session = fake_session(folder, driver=driver, provider=self.provider, told=told)
        self.opened: list[str] = []
        self.surroundings = Surroundings(self.open, lambda: session, told, folder / "journals")

    def open(self, bucket: str) -> ObjectsInMemory:
        self.opened.append(bucket)
        return self.data

    def run(self, source: object, target: object, options: Options = USUAL, *, yes: bool = False) -> Outcome:
        return transfer(self.surroundings, str(source), str(target), options, yes=yes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://b-1", BucketPlace("b-1", "")),
        ("s3://bucket/a/b c/", BucketPlace("bucket", "a/b c/")),
        ("digits@artifacts", JobPlace("digits", "artifacts")),
        ("digits@checkpoints/3", JobPlace("digits", "checkpoint", "3")),
        ("digits:/data/x", MachinePlace("digits", "/data/x")),
        ("./digits@artifacts", LocalPlace(Path("digits@artifacts"), False)),
        ("data/", LocalPlace(Path("data"), True)),
        ("digits@other", LocalPlace(Path("digits@other"), False)),
    ],
)
def test_places(text: str, expected: Place) -> None:
    assert place_of(text) == expected


@pytest.mark.parametrize("text", ["s3:/b", "s3://", "s3://B!/k", "gs://b/k", "https://x", ""])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(UsageError):
        place_of(text)


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("a", "b", UsageError),
        ("a", "digits@artifacts", UsageError),
        ("digits:/data", "s3://bucket/a", NotSupportedError),
        ("digits:/data", "eyes:/data", NotSupportedError),
    ],
)
def test_what_cannot_be_combined(tmp_path: Path, source: str, target: str, kind: type[RunctlError]) -> None:
    with pytest.raises(kind) as caught:
        World(tmp_path).run(source, target)
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("s3://bucket/a", Options(compress=True)),
        ("s3://bucket/a", Options(selection=Selection(gitignore=True))),
        ("digits@artifacts", Options(delete=True)),
        ("digits@artifacts", Options(selection=Selection(include=("*.pt",)))),
    ],
)
def test_options_that_a_source_has_not(tmp_path: Path, source: str, options: Options) -> None:
    with pytest.raises(UsageError):
        World(tmp_path).run(source, tmp_path / "x", options)


def test_an_object_becomes_another_one_inside_the_store(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.data.put("a/x", b"1")
    assert world.run("s3://bucket/a", "s3://bucket/b").files == 1
    assert world.data.objects["b/x"].content == b"1"
    with pytest.raises(UsageError, match="--bandwidth"):
        world.run("s3://bucket/a", "s3://bucket/b", Options(bandwidth=1))


@pytest.mark.parametrize(
    "options",
    [
        Options(delete=True),
        Options(dry_run=True),
        Options(compress=True),
        Options(selection=Selection(include=("*.pt",))),
    ],
)
def test_options_that_a_machine_does_not_know(tmp_path: Path, options: Options) -> None:
    with pytest.raises(UsageError):
        World(tmp_path).run("digits:/data", tmp_path / "x", options)


def test_there_and_back_with_one_question_before_a_deletion(tmp_path: Path) -> None:
    world = World(tmp_path, agrees=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a").write_bytes(b"1")
    world.run(tmp_path / "src", "s3://bucket/p")
    world.data.put("p/old", b"2")
    with pytest.raises(ConfirmationNeededError):
        world.run(tmp_path / "src", "s3://bucket/p", Options(delete=True))
    assert "p/old" in world.data.objects
    world.run(tmp_path / "src", "s3://bucket/p", Options(delete=True), yes=True)
    world.run("s3://bucket/p", tmp_path / "dst")
    assert [each.name for each in (tmp_path / "dst").iterdir()] == ["a"]
    assert set(world.opened) == {"bucket"}


def test_uploads_whose_file_is_another_now_are_ended(tmp_path: Path) -> None:
    world = World(tmp_path)
    source = tmp_path / "large"
    source.write_bytes(b"1" * 50)

    def lost(operation: str, key: str) -> None:
        if operation == "complete":
            raise RunctlError("lost")

    world.data.before = lost
    with pytest.raises(RunctlError):
        world.run(source, "s3://bucket/large", Options(part_bytes=8))
    assert len(world.data.uploads) == 1
    (tmp_path / "other").write_bytes(b"1")
    world.run(tmp_path / "other", "s3://bucket/")
    assert len(world.data.uploads) == 1, "it can be continued"
    source.unlink()
    world.run(tmp_path / "other", "s3://bucket/")
    assert world.data.uploads == {}
    assert not list((tmp_path / "journals").iterdir())


def stored(world: World, path: str, content: bytes, **more: Any) -> StoredFile:
    world.data.put(file_key(artifacts_prefix(RUN), path), content, sums=False)
    size = more.pop("bytes", len(content))
    return StoredFile(path, size, hashlib.sha256(content).hexdigest(), **more)


def test_artifacts_come_whole_with_modes_and_holes(tmp_path: Path) -> None:
    world = World(tmp_path)
    manifest = Manifest(
        files=[
            stored(world, "model/w.bin", b"weights", mode=0o600, mtime_ns=5 * 10**9),
            stored(world, "sparse", b"xy", bytes=100, extents=((10, 1), (50, 1))),
        ],
        folders=[StoredFolder("empty", 0o755, 7 * 10**9)],
    )
    world.provider.results.return_value.artifacts.return_value = manifest
    outcome = world.run("digits@artifacts", tmp_path / "dst")
    assert (tmp_path / "dst" / "model" / "w.bin").read_bytes() == b"weights"
    assert (tmp_path / "dst" / "model" / "w.bin").stat().st_mtime_ns == 5 * 10**9
    assert (tmp_path / "dst" / "sparse").read_bytes() == bytes(10) + b"x" + bytes(39) + b"y" + bytes(49)
    assert (tmp_path / "dst" / "empty").is_dir()
    assert (outcome.files, outcome.unverified) == (2, ())
    world.provider.bucket.assert_called_with("runctl-digits-artifacts-1", stack_config().placement.account)
    with pytest.raises(UsageError, match="not an empty folder"):
        world.run("digits@artifacts", tmp_path / "dst")


def test_artifacts_that_are_not_what_was_stored_are_not_kept(tmp_path: Path) -> None:
    world = World(tmp_path)
    file = stored(world, "a", b"1")
    manifest = Manifest(files=[replace(file, sha256="0" * 64)])
    world.provider.results.return_value.artifacts.return_value = manifest
    with pytest.raises(UnfetchedArtifactsError, match="is not what was stored"):
        world.run("digits@artifacts", tmp_path / "dst")
    assert not (tmp_path / "dst").exists()
    world.provider.results.return_value.artifacts.return_value = None
    with pytest.raises(UnfetchedArtifactsError, match="no artifacts"):
        world.run("digits@artifacts", tmp_path / "dst")


def test_comparison_is_by_content_whoever_moved_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    root = tmp_path / "here"
    root.mkdir()
    for name, content in (("summed", b"1"), ("unsummed", b"22"), ("other", b"333"), ("mine", b"4")):
        (root / name).write_bytes(content)
    world.data.put("p/summed", b"1")
    world.data.put("p/unsummed", b"22", sums=False)
    world.data.put("p/other", b"xyz")
    world.data.put("p/yours", b"5")
    for places in ((str(root), "s3://bucket/p"), ("s3://bucket/p/", str(root))):
        with pytest.raises(TransferDiffersError) as caught:
            compare_places(world.surroundings, *places, Options())
        told = str(caught.value)
        assert "differ in 3 of 5 files" in told
        for line in (
            "mine: only here",
            "yours: only in the bucket",
            "other: differs (the content is another)",
        ):
            assert line in told
    found = compare_places(
        world.surroundings, str(root), "s3://bucket/p", Options(selection=Selection(include=("*summed",)))
    )
    assert found.as_json() == {"same": 2, "read": 1, "differences": []}
    same = compare_places(world.surroundings, str(root / "summed"), "s3://bucket/p/summed", Options())
    assert not same.differences


def test_a_missing_extra_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(ExtraMissingError) as caught:
        require_transfer_extra(lambda name: None)
    assert "runctl[transfer]" in str(caught.value.next_step)
    assert caught.value.where == {"missing": "awscrt, zstandard"}
    require_transfer_extra(lambda name: object())
