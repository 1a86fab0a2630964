"""A backend read where it lies; None where an engine must be asked."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from support.backend_bucket import BucketClient, files_in

from runctl_auto.backend.backend import Backend, open_backend
from runctl_auto.backend.checkpoints import StackSummary
from runctl_auto.backend.locks import Lock, LockOwner
from runctl_auto.errors import AccessDeniedError, NotSupportedError
from runctl_auto.providers.aws.backend_objects import open_objects

TIME = "2026-01-01T00:00:00Z"
FOLDER = "team/.pulumi/history/runctl/digits"
LOCKS = "locks/organization/runctl"
LOCK = b'{"pid": 7, "username": "ann", "hostname": "here", "timestamp": "2026-11-22T10:00:00Z"}'
OWNER = LockOwner("ann", "here", 7, "2026-11-22T10:00:00Z")
OTHERS = ["", "https://api.pulumi.com", "gs://states", "azblob://states", "s3://states?profile=work"]


def opened(url: str) -> Backend:
    """A backend whose buckets nobody may ask."""
    return open_backend(url, "runctl", lambda url: open_objects(url, mock.Mock(spec=["__call__"])))


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    (tmp_path / "my state" / ".pulumi" / "stacks" / "runctl").mkdir(parents=True)
    (tmp_path / "my state" / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    return opened((tmp_path / "my state").as_uri())


@pytest.fixture
def folder(tmp_path: Path, backend: Backend) -> Path:
    return tmp_path / "my state" / ".pulumi"


def write_stack(folder: Path, name: str, *, version: int = 3, **checkpoint: Any) -> Path:
    file = folder / "stacks" / "runctl" / f"{name}.json"
    file.write_text(json.dumps({"version": version, "checkpoint": checkpoint}))
    return file


def with_ids(*ids: str) -> dict[str, Any]:
    return {
        "resources": [{"urn": f"urn::t::{each}", "type": "t", "id": each, "custom": True} for each in ids]
    }


def test_stacks_with_what_stack_ls_tells(backend: Backend, folder: Path) -> None:
    latest = {"manifest": {"time": TIME}, "resources": [{}, {}]}
    write_stack(folder, "digits", latest=latest)
    write_stack(folder, "a-new-one")
    (folder / "locks" / "organization" / "runctl" / "digits").mkdir(parents=True)
    (folder / "locks" / "organization" / "runctl" / "digits" / "x.json").write_text("{}")
    (folder / "stacks" / "runctl" / "digits.json.bak").write_text("{}")
    new, digits = backend.stacks() or ()
    assert digits == StackSummary("digits", 2, TIME, busy=True)
    assert (new.name, new.resources, new.busy) == ("a-new-one", None, False)
    assert new.updated_at.endswith("Z")
    assert backend.stack_names() == ("a-new-one", "digits")


def test_files_that_are_no_checkpoint_are_no_stack(backend: Backend, folder: Path) -> None:
    write_stack(folder, "digits", latest={})
    for name in (
        "digits.json.bak",
        "digits.json.gz.bak",
        "digits.json.attrs",
        "digits.json.1a2b.tmp",
        "digits.json.1795361280264209934",
        "digits.pulumi-tags",
        ".json",
    ):
        (folder / "stacks" / "runctl" / name).write_bytes(b"half")
    (folder / LOCKS / "digits").mkdir(parents=True)
    (folder / LOCKS / "digits" / "x.json.attrs").write_text("{}")
    assert [(each.name, each.busy) for each in backend.stacks() or ()] == [("digits", False)]
    assert backend.stack_names() == ("digits",)


def test_no_stacks(backend: Backend, folder: Path) -> None:
    assert backend.stacks() == ()
    assert open_backend(backend.url, "another").stacks() == ()
    assert backend.stack_names() == ()


def test_what_an_engine_has_to_be_asked(backend: Backend, folder: Path) -> None:
    assert open_backend("s3://bucket", "runctl").stacks() is None
    assert open_backend("s3://bucket", "runctl").stack_names() is None
    assert opened(f"{backend.url}/elsewhere").stacks() is None
    file = write_stack(folder, "digits")
    file.write_text("half a st")
    assert backend.stacks() is None
    file.write_text(json.dumps({"version": 9, "checkpoint": {}}))
    assert backend.stacks() is None
    file.rename(file.with_name("digits.json.zst"))
    assert backend.stacks() is None
    assert backend.stack_names() == ("digits",)


def test_a_store_without_projects_is_left_to_the_engine(backend: Backend, folder: Path) -> None:
    (folder / "meta.yaml").unlink()
    (folder / "stacks" / "digits.json").write_text(json.dumps({"version": 3, "checkpoint": {}}))
    assert backend.stacks() is None
    (folder / "meta.yaml").write_text("version: 0\n")
    assert backend.stacks() is None


def test_compressed_stacks_need_no_engine(backend: Backend, folder: Path) -> None:
    file = write_stack(folder, "digits", latest={**with_ids("i-1"), "manifest": {"time": TIME}})
    file.with_name("digits.json.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    assert backend.stacks() == (StackSummary("digits", 1, TIME, busy=False),)
    assert ids(backend, "digits") == ["i-1"]


def test_of_two_checkpoints_of_a_stack_the_one_written_last_counts(backend: Backend, folder: Path) -> None:
    plain = write_stack(folder, "digits", latest=with_ids("plain"))
    packed = plain.with_name("digits.json.gz")
    content = json.dumps({"version": 3, "checkpoint": {"latest": with_ids("packed", "more")}})
    packed.write_bytes(gzip.compress(content.encode()))
    for newer, older, expected in ((plain, packed, ["plain"]), (packed, plain, ["packed", "more"])):
        os.utime(older, (100, 100))
        os.utime(newer, (200, 200))
        assert ids(backend, "digits") == expected
        assert [each.resources for each in backend.stacks() or ()] == [len(expected)]


def test_a_stack_whose_creation_was_cut_short_is_empty(backend: Backend, folder: Path) -> None:
    write_stack(folder, "digits", version=0, stack="organization/runctl/digits")
    assert [(each.name, each.resources) for each in backend.stacks() or ()] == [("digits", None)]
    assert ids(backend, "digits") == []
    write_stack(folder, "digits", version=0, latest=with_ids("i-1"))
    assert backend.stacks() is None
    assert backend.state("digits") is None


def ids(backend: Backend, stack: str) -> list[str]:
    one, (many,) = backend.state(stack), backend.states([stack]).values()
    assert one is not None
    assert one == many
    return [each.id for each in one.resources]


def test_states_of_those_that_can_be_read(backend: Backend, folder: Path) -> None:
    write_stack(folder, "a", latest=with_ids("i-1", "i-2"))
    write_stack(folder, "b").write_text("half")
    write_stack(folder, "a.b", version=4, latest=with_ids("i-3"))
    assert ids(backend, "a") == ["i-1", "i-2"]
    assert ids(backend, "a.b") == ["i-3"]
    assert list(backend.states(["b", "a.b", "absent", "a"])) == ["a.b", "a"]
    assert backend.state("b") is None
    assert backend.state("absent") is None


def test_the_newest_configuration_without_what_is_secret(backend: Backend, folder: Path) -> None:
    place = folder / "history" / "runctl" / "digits"
    place.mkdir(parents=True)
    for moment, owner in ((1795361280264209934, "ann"), (1795361287636217706, "bob")):
        config = {"runctl:owner": owner, "runctl:secrets": {"secure": "v1:x"}}
        (place / f"digits-{moment}.history.json").write_text(json.dumps({"config": config}))
        (place / f"digits-{moment}.checkpoint.json").write_text("{}")
    assert backend.config("digits") == {"runctl:owner": "bob"}
    assert backend.config("absent") is None
    (place / "digits-1795361287636217707.history.json").write_text("half")
    assert backend.config("digits") is None
    assert opened("gs://states").config("digits") is None


def write_record(folder: Path, number: int, **record: Any) -> Path:
    place = folder / "history" / "runctl" / "digits"
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"digits-{number}.history.json"
    file.write_text(json.dumps({"kind": "update", "startTime": 60, "endTime": 120, **record}))
    (place / f"digits-{number}.history.json.attrs").write_text("{}")
    (place / f"digits-{number}.checkpoint.json").write_text("{}")
    return file


def test_operations_newest_first(backend: Backend, folder: Path) -> None:
    write_record(folder, 1, result="succeeded")
    write_record(folder, 2, result="failed", kind="destroy", startTime=180, endTime=240)
    told = backend.history("digits") or ()
    assert [(each.kind, each.succeeded) for each in told] == [("destroy", False), ("update", True)]
    assert told[1].began.timestamp() == 60
    assert told[1].ended.timestamp() == 120
    assert backend.history("other") == ()


def test_what_came_before_an_update_that_succeeded_is_not_read(backend: Backend, folder: Path) -> None:
    write_record(folder, 1).write_text("half")
    write_record(folder, 2, result="succeeded")
    write_record(folder, 3, result="failed")
    told = backend.history("digits") or ()
    assert [each.succeeded for each in told] == [False, True]


def test_the_history_goes_on_when_the_compression_is_changed(backend: Backend, folder: Path) -> None:
    write_record(folder, 1, result="succeeded", config={"runctl:owner": "ann"})
    packed = write_record(folder, 2, result="failed", config={"runctl:owner": "bob"})
    packed.with_name(f"{packed.name}.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    assert [each.succeeded for each in backend.history("digits") or ()] == [False, True]
    assert backend.config("digits") == {"runctl:owner": "bob"}


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"[]",
        b"{}",
        b"\x28\xb5\x2f\xfd\x04\x00",
        gzip.compress(b'{"kind": "update"}' * 9)[:-9],
        b'{"kind": "update", "result": "succeeded", "startTime": 1e300, "endTime": 1}',
    ],
    ids=["text", "array", "empty", "zstd", "cut", "time"],
)
def test_a_history_that_files_do_not_tell_is_nobodys_guess(
    backend: Backend, folder: Path, content: bytes
) -> None:
    file = write_record(folder, 1, result="succeeded")
    file.with_name("digits-2.history.json.gz").write_bytes(content)
    assert backend.history("digits") is None
    assert backend.config("digits") is None
    assert opened("gs://states").history("digits") is None


def record(owner: str, result: str) -> bytes:
    told = {"kind": "update", "startTime": 60, "endTime": 120, "result": result}
    return json.dumps({**told, "config": {"runctl:owner": owner}}).encode()


def bucket() -> BucketClient:
    return BucketClient(
        {
            f"{FOLDER}/digits-1.history.json": record("ann", "succeeded"),
            f"{FOLDER}/digits-1.checkpoint.json": b"{}",
            f"{FOLDER}/digits-2.history.json": record("bob", "failed"),
            f"{FOLDER}/digits-2.checkpoint.json": b"{}",
            f"{FOLDER}-two/digits-two-9.history.json": record("eve", "succeeded"),
        }
    )


def in_bucket(client: BucketClient) -> Backend:
    return Backend("s3://states/team", "runctl", files_in(client))


def test_the_configuration_and_the_history_of_a_stack_in_a_bucket() -> None:
    client = bucket()
    assert in_bucket(client).config("digits") == {"runctl:owner": "bob"}
    assert client.asked == ["list", "list", "get"]
    told = in_bucket(client).history("digits") or ()
    assert [each.succeeded for each in told] == [False, True]
    assert in_bucket(client).history("absent") == ()


def test_what_a_bucket_does_not_tell_is_left_to_an_engine() -> None:
    client = bucket()
    client.denied = True
    backend = in_bucket(client)
    assert backend.config("digits") is None
    assert backend.history("digits") is None
    assert backend.stacks() is None
    assert backend.state("digits") is None
    assert backend.states(["digits"]) == {}


def test_the_locks_on_a_stack_in_a_folder(backend: Backend, folder: Path) -> None:
    place = folder / LOCKS / "digits"
    place.mkdir(parents=True)
    (place / "a.json").write_bytes(LOCK)
    (place / "a.json.attrs").write_bytes(b"{}")
    (place / "b.json").write_bytes(b"half a")
    first, second = backend.locks("digits")
    assert first == Lock(str(place / "a.json"), OWNER, f"{LOCKS}/digits/a.json")
    assert (second.owner, second.stack) == (None, "digits")
    backend.remove_lock(first)
    backend.remove_lock(first)
    assert sorted(path.name for path in place.iterdir()) == ["b.json"]
    assert backend.locks("none") == ()


def test_the_locks_on_a_stack_in_a_bucket() -> None:
    below = f"team/.pulumi/{LOCKS}/digits"
    client = BucketClient({f"{below}/{name}.json": LOCK for name in "abc"})
    client.vanishing = {f"{below}/b.json"}
    backend = in_bucket(client)
    locks = backend.locks("digits")
    assert [lock.place for lock in locks] == [f"s3://states/{below}/{name}.json" for name in "ac"]
    assert locks[0].owner == OWNER
    backend.remove_lock(locks[1])
    assert set(client.objects) == {f"{below}/{name}.json" for name in "ab"}
    client.denied = True
    with pytest.raises(AccessDeniedError):
        backend.locks("digits")


@pytest.mark.parametrize("url", OTHERS)
def test_other_backends_are_refused_by_name(url: str) -> None:
    backend = opened(url)
    assert not backend.is_readable
    with pytest.raises(NotSupportedError) as refused:
        backend.locks("digits")
    assert "pulumi cancel -s digits" in (refused.value.next_step or "")
    assert refused.value.where == {"job": "digits", "backend": url}


def every_answer(backend: Backend, stacks: Sequence[str] = ("digits",)) -> list[Any]:
    return [
        backend.stacks(),
        backend.stack_names(),
        *(read(stack) for read in (backend.state, backend.config, backend.history) for stack in stacks),
    ]


@pytest.mark.parametrize("url", OTHERS)
def test_of_other_backends_nothing_is_read(url: str) -> None:
    assert set(every_answer(opened(url))) == {None}
    assert opened(url).states(["digits"]) == {}
    assert opened(url).folder is None
