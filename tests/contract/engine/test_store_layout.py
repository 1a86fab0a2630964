"""Layout of a ``file://`` backend: where files lie, how they are called, what is in them."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pulumi
import pytest
from support.engine.toy_programs import chain
from support.engine.toy_resources import Thing
from support.engine.toy_stack import PROJECT, STACK, ToyStack

from runctl_auto.backend.backend import Backend, open_backend
from runctl_auto.stack.state import parse_state

RECORD = re.compile(rf"{STACK}-\d{{19}}\.(history|checkpoint)\.json")


def two_things() -> None:
    first = Thing("a", value=1)
    Thing("b", pulumi.ResourceOptions(protect=True, depends_on=[first]))
    Thing("outside", pulumi.ResourceOptions(id="outside-1"))


@pytest.fixture(scope="module")
def updated(module_stack: ToyStack) -> ToyStack:
    """A stack with configuration after its first update; ``outside`` is read, not made."""
    module_stack.pulumi("config", "set", f"{PROJECT}:size", "5", "--stack", STACK)
    module_stack.pulumi("config", "set", f"{PROJECT}:key", "--secret", "--stack", STACK, given="hush")
    module_stack.up(two_things)
    return module_stack


def store(stack: ToyStack) -> Backend:
    return open_backend(stack.state.as_uri(), PROJECT)


def files_in(folder: Path) -> set[str]:
    """Names but for those of attributes, which the store keeps beside each file."""
    return {file.name for file in folder.iterdir() if file.suffix != ".attrs"}


def test_the_checkpoint_and_its_backup(updated: ToyStack) -> None:
    """`runctl_auto/backend/checkpoints.py` (``checkpoint_files``): no other name is a stack's."""
    assert files_in(updated.checkpoint.parent) == {f"{STACK}.json", f"{STACK}.json.bak"}
    assert store(updated).stack_names() == (STACK,)


def test_the_keys_of_a_checkpoint(updated: ToyStack) -> None:
    """`runctl_auto/backend/checkpoints.py`: version 3, the deployment in ``checkpoint.latest``."""
    document = updated.document()
    assert document["version"] == 3
    assert document["checkpoint"]["stack"] == f"organization/{PROJECT}/{STACK}"
    latest = document["checkpoint"]["latest"]
    assert {"manifest", "secrets_providers", "resources"} <= set(latest)
    assert "pending_operations" not in latest
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", latest["manifest"]["time"])


def test_the_keys_of_a_resource(updated: ToyStack) -> None:
    """`runctl_auto/stack/state.py` reads these."""
    first, second = updated.resource("a"), updated.resource("b")
    assert first["urn"] == f"urn:pulumi:{STACK}::{PROJECT}::toy:index:Thing::a"
    assert (first["type"], first["id"], first["custom"]) == ("toy:index:Thing", "a-1", True)
    assert first["parent"] == f"urn:pulumi:{STACK}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{STACK}"
    assert (first["inputs"], first["outputs"]) == ({"value": 1}, {"value": 1, "out": "out-a-1"})
    assert "protect" not in first
    assert second["protect"] is True
    assert second["dependencies"] == [first["urn"]]
    assert updated.resource("outside")["external"] is True
    state = parse_state(updated.deployment())
    assert [each.name for each in state.in_cloud()] == ["a", "b"]
    assert state.written_at is not None
    assert state.begun_at is not None
    assert state.begun_at <= state.written_at


def test_a_new_stack_has_a_checkpoint_without_resources(stack: ToyStack) -> None:
    """`runctl_auto/backend/checkpoints.py` (``summary``), `runctl_auto/backend/unfinished.py`: the
    deployment has a time, though no operation has worked on it."""
    assert "resources" not in stack.deployment()
    assert parse_state(stack.deployment()).written_at is not None
    assert not stack.history.exists()
    (found,) = store(stack).stacks() or ()
    assert (found.name, found.resources, found.busy) == (STACK, 0, False)


def test_each_update_adds_a_record_and_a_copy_of_the_checkpoint(updated: ToyStack) -> None:
    """`runctl_auto/backend/history.py` (``record_files``): names end in nanoseconds, so that their order is
    that of time."""
    names = files_in(updated.history)
    assert all(RECORD.fullmatch(name) for name in names), names
    assert len(names) == 2
    (copy,) = updated.history.glob("*.checkpoint.json")
    assert json.loads(copy.read_bytes()) == updated.document()


def test_the_keys_of_a_record(updated: ToyStack) -> None:
    """`runctl_auto/backend/history.py` (``parse_record``), `runctl_auto/backend/unfinished.py`: times are
    whole seconds, not before the checkpoint's; configuration is texts, secrets are encrypted."""
    (record,) = updated.records()
    assert (record["kind"], record["result"]) == ("update", "succeeded")
    assert isinstance(record["startTime"], int)
    assert isinstance(record["endTime"], int)
    assert record["config"][f"{PROJECT}:size"] == "5"
    assert set(record["config"][f"{PROJECT}:key"]) == {"secure"}
    assert store(updated).config(STACK) == {f"{PROJECT}:size": "5"}
    (read,) = store(updated).history(STACK) or ()
    written = parse_state(updated.deployment()).written_at
    assert written is not None
    assert read.succeeded
    assert read.ended.timestamp() + 1 >= written.timestamp()


def test_an_operation_leaves_no_lock(updated: ToyStack) -> None:
    """`runctl_auto/backend/backend.py` (``_locked_stacks``) takes each lock file for an operation."""
    assert updated.lock_files() == []


def test_previews_are_not_in_the_history_but_refresh_and_destroy_are(stack: ToyStack) -> None:
    """`runctl_auto/backend/unfinished.py` looks for kind ``update``; `runctl_auto/jobs/planning.py` previews
    without leaving a trace."""
    stack.up(chain)
    before = stack.checkpoint.read_bytes()
    stack.operate("preview", chain)
    assert stack.checkpoint.read_bytes() == before
    stack.operate("refresh", None)
    stack.operate("destroy", None)
    assert [record["kind"] for record in stack.records()] == ["update", "refresh", "destroy"]


def test_removing_a_stack_removes_checkpoint_history_and_settings(stack: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``remove``); a backup stays, which
    `runctl_auto/backend/checkpoints.py` does not take for a stack."""
    stack.pulumi("config", "set", f"{PROJECT}:size", "5", "--stack", STACK)
    stack.up(lambda: Thing("a"))
    refused = stack.run("stack", "rm", "--yes", STACK)
    assert refused.code == 1
    assert "still has resources" in refused.err
    stack.operate("destroy", None)
    stack.pulumi("stack", "rm", "--yes", STACK)
    assert files_in(stack.checkpoint.parent) == {f"{STACK}.json.bak"}
    assert list(stack.history.glob("*")) == []
    assert not stack.settings.exists()
    assert store(stack).stack_names() == ()


def test_compressed_files_have_other_names_from_the_next_write_on(stack: ToyStack) -> None:
    """`runctl_auto/backend/checkpoints.py`, `runctl_auto/backend/history.py`: gzip is read as well."""
    stack.up(lambda: Thing("a"))
    compressing = stack.with_variables(PULUMI_DIY_BACKEND_GZIP="true")
    compressing.pulumi("stack", "ls", "--json")
    assert stack.checkpoint.exists(), "reading changes nothing"
    compressing.up(lambda: Thing("a"))
    assert not stack.checkpoint.exists()
    packed = stack.checkpoint.with_name(f"{STACK}.json.gz")
    assert json.loads(gzip.decompress(packed.read_bytes()))["version"] == 3
    assert list(stack.history.glob("*.history.json.gz"))
    assert list(stack.history.glob("*.checkpoint.json.gz"))
    assert len(store(stack).history(STACK) or ()) == 1
    found = store(stack).state(STACK)
    assert found is not None
    assert [each.name for each in found.in_cloud()] == ["a"]
