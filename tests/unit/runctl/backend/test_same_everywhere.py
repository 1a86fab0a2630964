"""What a backend holds is read the same from a folder and from a bucket, compressed or not."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.backend_bucket import WRITTEN, BucketClient, files_in

from runctl_auto.backend.backend import Backend, open_backend
from runctl_auto.backend.locks import LockOwner

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{1,8}", fullmatch=True)
TEXTS = st.text(max_size=12)
SECONDS = st.integers(min_value=0, max_value=4_000_000_000)
RESOURCES = st.fixed_dictionaries(
    {"urn": NAMES.map("urn:pulumi:s::runctl::t::{}".format), "type": st.just("t"), "custom": st.booleans()},
    optional={"id": TEXTS, "protect": st.booleans(), "inputs": st.dictionaries(TEXTS, TEXTS, max_size=2)},
)
DEPLOYMENTS = st.fixed_dictionaries(
    {},
    optional={
        "manifest": st.fixed_dictionaries(
            {"time": st.sampled_from(["2026-01-01T00:00:00.5Z", "0001-01-01T00:00:00Z"])}
        ),
        "resources": st.lists(RESOURCES, max_size=3),
        "pending_operations": st.lists(
            st.fixed_dictionaries({"type": st.just("creating"), "resource": RESOURCES}), max_size=1
        ),
    },
)
CONFIGS = st.dictionaries(
    NAMES.map("runctl:{}".format),
    TEXTS | st.fixed_dictionaries({"secure": TEXTS}) | st.fixed_dictionaries({"a": st.integers()}),
    max_size=3,
)
RECORDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["update", "refresh", "destroy", "import"]),
        "result": st.sampled_from(["succeeded", "failed", "in-progress"]),
        "startTime": SECONDS,
        "endTime": SECONDS,
        "config": CONFIGS,
    }
)
LOCKS = st.fixed_dictionaries(
    {
        "pid": st.integers(min_value=1, max_value=4_000_000),
        "username": TEXTS,
        "hostname": TEXTS,
        "timestamp": st.just("2026-11-29T19:07:30.588423607Z"),
    }
)


@dataclass(frozen=True)
class Stack:
    """A stack as it was made up: its deployment, None before the first, its history, and its locks."""

    deployment: dict[str, Any] | None
    records: list[dict[str, Any]] = field(default_factory=list)
    locks: list[dict[str, Any]] = field(default_factory=list)


STACKS = st.builds(Stack, st.none() | DEPLOYMENTS, st.lists(RECORDS, max_size=4), st.lists(LOCKS, max_size=2))


def written(stacks: dict[str, Stack], *, compressed: bool) -> Iterator[tuple[str, bytes]]:
    """The files that Pulumi makes of the stacks, by path below `.pulumi`."""
    ending = ".gz" if compressed else ""

    def document(value: Any) -> bytes:
        content = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return gzip.compress(content) if compressed else content

    yield "meta.yaml", b"version: 1\n"
    for name, stack in stacks.items():
        latest = {} if stack.deployment is None else {"latest": stack.deployment}
        checkpoint = document(
            {"version": 3, "checkpoint": {"stack": f"organization/runctl/{name}", **latest}}
        )
        yield f"stacks/runctl/{name}.json{ending}", checkpoint
        yield f"stacks/runctl/{name}.json{ending}.bak", b"an older one"
        for number, record in enumerate(stack.records):
            start = f"history/runctl/{name}/{name}-{1795361280264209934 + number}"
            yield f"{start}.history.json{ending}", document(record)
            yield f"{start}.checkpoint.json{ending}", checkpoint
        for number, lock in enumerate(stack.locks):
            yield f"locks/organization/runctl/{name}/{number}.json", json.dumps(lock).encode()


def in_bucket(stacks: dict[str, Stack], *, compressed: bool) -> Backend:
    objects = {f"team/.pulumi/{path}": data for path, data in written(stacks, compressed=compressed)}
    return Backend("s3://states/team", "runctl", files_in(BucketClient(objects, page=3)))


def in_folder(stacks: dict[str, Stack], folder: Path, *, compressed: bool) -> Backend:
    for path, data in written(stacks, compressed=compressed):
        file = folder / ".pulumi" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.with_name(f"{file.name}.attrs").write_bytes(b"{}")
        os.utime(file, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return open_backend(folder.as_uri(), "runctl")


def answers(backend: Backend, stacks: dict[str, Stack]) -> dict[str, Any]:
    return {
        "names": backend.stack_names(),
        "stacks": backend.stacks(),
        "states": backend.states(list(stacks)),
        "state": {name: backend.state(name) for name in stacks},
        "config": {name: backend.config(name) for name in stacks},
        "history": {name: backend.history(name) for name in stacks},
        "locks": {name: [(each.owner, each.path) for each in backend.locks(name)] for name in stacks},
    }


def until_complete(records: list[dict[str, Any]]) -> list[tuple[str, bool, int, int]]:
    """What a history has to tell of these records, which are oldest first."""
    told = []
    for each in reversed(records):
        succeeded = each["result"] == "succeeded"
        told.append((each["kind"], succeeded, each["startTime"], each["endTime"]))
        if succeeded and each["kind"] == "update":
            break
    return told


def check_what_was_made_up(found: dict[str, Any], stacks: dict[str, Stack]) -> None:
    assert found["names"] == tuple(sorted(stacks))
    assert {each.name: (each.resources, each.busy) for each in found["stacks"]} == {
        name: (
            None if stack.deployment is None else len(stack.deployment.get("resources", [])),
            bool(stack.locks),
        )
        for name, stack in stacks.items()
    }
    assert found["states"] == found["state"]
    for name, stack in stacks.items():
        deployment = stack.deployment or {}
        state = found["state"][name]
        assert [each.urn for each in state.resources] == [
            each["urn"] for each in deployment.get("resources", [])
        ]
        assert len(state.pending) == len(deployment.get("pending_operations", []))
        assert found["config"][name] == (
            {key: value for key, value in stack.records[-1]["config"].items() if isinstance(value, str)}
            if stack.records
            else None
        )
        assert [
            (each.kind, each.succeeded, each.began.timestamp(), each.ended.timestamp())
            for each in found["history"][name]
        ] == until_complete(stack.records)
        assert [owner for owner, _ in found["locks"][name]] == [
            LockOwner(each["username"], each["hostname"], each["pid"], each["timestamp"])
            for each in stack.locks
        ]


def check_all_tell_the_same(stacks: dict[str, Stack]) -> None:
    plain = answers(in_bucket(stacks, compressed=False), stacks)
    check_what_was_made_up(plain, stacks)
    assert answers(in_bucket(stacks, compressed=True), stacks) == plain
    for compressed in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            assert answers(in_folder(stacks, Path(folder), compressed=compressed), stacks) == plain


BACKENDS = st.dictionaries(NAMES, STACKS, max_size=3)


@settings(max_examples=15)
@given(BACKENDS)
def test_a_folder_and_a_bucket_compressed_or_not_tell_the_same(stacks: dict[str, Stack]) -> None:
    check_all_tell_the_same(stacks)


@pytest.mark.matrix
@settings(max_examples=300)
@given(BACKENDS)
def test_three_hundred_backends(stacks: dict[str, Stack]) -> None:
    check_all_tell_the_same(stacks)
