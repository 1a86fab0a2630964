"""Checkpoints that have not changed are not read again, and what is kept may be anything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.backend_bucket import BucketClient, files_in

from runctl_auto.backend.backend import Backend
from runctl_auto.backend.checkpoints import StackSummary
from runctl_auto.backend.files import WRITTEN_LATELY_SECONDS, FolderFiles, StoredFile
from runctl_auto.backend.kept_summaries import FORMAT, SummariesInText

STACKS = "stacks/runctl"


def checkpoint(resources: int, time: str = "2026-01-01T00:00:00Z") -> bytes:
    latest = {"manifest": {"time": time}, "resources": [{"created": time}] * resources}
    return json.dumps({"version": 3, "checkpoint": {"latest": latest}}).encode()


class Objects:
    """A backend in a bucket, and what was kept of it."""

    def __init__(self) -> None:
        objects = {f"team/.pulumi/{STACKS}/{name}.json": checkpoint(2) for name in ("a", "b")}
        self.client = BucketClient(objects)
        self.text: str | None = None

    def write(self, name: str, content: bytes) -> None:
        self.client.objects[f"team/.pulumi/{STACKS}/{name}"] = content

    def list(self) -> tuple[dict[str, StackSummary], int]:
        """The stacks by name, and how many objects were read."""
        self.client.asked.clear()
        kept = SummariesInText(self.text)
        found = Backend("s3://states/team", "runctl", files_in(self.client)).stacks(kept)
        assert found is not None
        self.text = kept.text()
        return {each.name: each for each in found}, self.client.asked.count("get")


def test_only_what_was_written_since_is_read() -> None:
    world = Objects()
    first, read = world.list()
    assert read == 2
    assert world.list() == (first, 0)
    world.write("b.json", checkpoint(5, "2026-02-02T00:00:00Z"))
    found, read = world.list()
    assert read == 1
    assert found["a"] == first["a"]
    assert (found["b"].resources, found["b"].made_at) == (5, "2026-02-02T00:00:00Z")


def test_whether_a_stack_is_locked_is_never_kept() -> None:
    world = Objects()
    world.list()
    world.client.objects["team/.pulumi/locks/organization/runctl/a/x.json"] = b"{}"
    found, read = world.list()
    assert (found["a"].busy, found["b"].busy, read) == (True, False, 0)
    del world.client.objects["team/.pulumi/locks/organization/runctl/a/x.json"]
    assert world.list()[0]["a"].busy is False


def test_a_stack_that_is_gone_is_forgotten() -> None:
    world = Objects()
    world.list()
    del world.client.objects[f"team/.pulumi/{STACKS}/a.json"]
    assert list(world.list()[0]) == ["b"]
    assert f"{STACKS}/a.json" not in str(world.text)


def test_a_folder_tells_of_every_write_and_of_none_that_could_be_followed_unseen(tmp_path: Path) -> None:
    folder = tmp_path / STACKS
    folder.mkdir(parents=True)
    (folder / "a.json").write_bytes(b"1")

    def mark(later: float) -> str:
        files = FolderFiles(tmp_path, now=lambda: (folder / "a.json").stat().st_ctime + later)
        (found,) = files.find(STACKS)
        return found.mark

    assert not mark(WRITTEN_LATELY_SECONDS / 2)
    before = mark(WRITTEN_LATELY_SECONDS + 1)
    assert before == mark(WRITTEN_LATELY_SECONDS + 60)
    status = (folder / "a.json").stat()
    (folder / "b").write_bytes(b"2")
    os.utime(folder / "b", ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "b").replace(folder / "a.json")
    assert mark(WRITTEN_LATELY_SECONDS + 1) not in ("", before), "same size and time, another file"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FILE = StoredFile("p", None, "m")  # type: ignore[arg-type]  # its time is not looked at


@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_read_as_nothing_kept(text: str) -> None:
    assert SummariesInText(text).find("a", FILE) is None


@given(st.lists(JSON, max_size=5))
def test_what_no_checkpoint_told_does_not_count(entry: list[Any]) -> None:
    text = json.dumps({"format": FORMAT, "summaries": {"p": ["m", *entry]}})
    found = SummariesInText(text).find("a", FILE)
    if found is not None:
        assert type(found.resources) in (int, type(None))
        assert isinstance(found.updated_at, str)


@pytest.mark.parametrize(
    "told", [[True, "t", None], [-1, "t", None], [1, "t" * 65, None], [1, "\x1b[2J", None]]
)
def test_values_that_would_mislead_do_not_count(told: list[Any]) -> None:
    text = json.dumps({"format": FORMAT, "summaries": {"p": ["m", *told]}})
    assert SummariesInText(text).find("a", FILE) is None


def test_without_a_mark_nothing_is_kept() -> None:
    kept = SummariesInText(json.dumps({"format": FORMAT, "summaries": {"p": ["", 1, "t", None]}}))
    file = StoredFile("p", FILE.written_at, "")
    assert kept.find("a", file) is None
    kept.keep(file, StackSummary("a", 1, "t", busy=False))
    assert json.loads(kept.text())["summaries"] == {}
