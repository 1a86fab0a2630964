"""Uploads and downloads that are killed at any request, in any order, and continued."""

from __future__ import annotations

import gc
import random
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.objects_in_memory import Killed, ObjectsInMemory, nothing

from runctl_auto.errors import RunctlError, TransferIncompleteError
from runctl_auto.transfer.fetch_tree import download
from runctl_auto.transfer.options import Options
from runctl_auto.transfer.send_tree import upload
from runctl_auto.transfer.unfinished import end_unusable

PART = 4
AT_ONCE = 2
OPTIONS = Options(part_bytes=PART, at_once=AT_ONCE)
ONE_BY_ONE = Options(part_bytes=PART, at_once=1)
"""The same requests in the same order every time."""


class _Crashing:
    """Kills the process at the request with a number, before or after its effect."""

    def __init__(self, data: ObjectsInMemory, at: int, *, after: bool) -> None:
        self.left = at
        self.is_dead = False
        if after:
            data.after = self
        else:
            data.before = self

    def __call__(self, operation: str, key: str) -> None:
        if self.is_dead:
            raise Killed  # the other thread dies with the process
        self.left -= 1
        if self.left < 0:
            self.is_dead = True
            raise Killed


def crash(data: ObjectsInMemory, at: int, *, after: bool, run: object) -> bool:
    """Runs a transfer that is killed at its request `at`, if it gets so far; whether it was."""
    _Crashing(data, at, after=after)
    try:
        run()  # type: ignore[operator]
    except Killed:
        return True
    finally:
        for each in threading.enumerate():
            if each.name.startswith("transfer-"):
                each.join()
        data.before = data.after = nothing
        gc.collect()  # a dead process holds no lock
    return False


class Upload(RuleBasedStateMachine):
    """One file and its object, with kills, lost ids, other contents and a second writer of the object."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="runctl-test-"))
        self.data = ObjectsInMemory()
        self.source = self.folder / "file"
        self.journals = self.folder / "journals"
        self.version = 0
        self.foreign: str | None = None
        self.sent_since = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(size=st.integers(PART + 1, 40))
    def first(self, size: int) -> None:
        self._write(size)

    @rule(size=st.integers(PART + 1, 40))
    def another_content(self, size: int) -> None:
        self._write(size)

    @rule(at=st.integers(0, 14), after=st.booleans())
    def killed(self, at: int, after: bool) -> None:
        self.data.now_ns += 10**9
        crash(self.data, at, after=after, run=self._run)

    @precondition(lambda self: self.foreign is None)
    @rule()
    def somebody_else_begins(self) -> None:
        self.foreign = self.data.begin("file", metadata={})
        self.data.uploads[self.foreign].begun_ns -= 3600 * 10**9

    @rule()
    def completed(self) -> None:
        self.data.now_ns += 10**9
        self._run()
        assert self.data.objects["file"].content == self.source.read_bytes()
        left = set(self.data.uploads) - {self.foreign}
        assert left == set(), "unfinished uploads cost money"
        assert list(self.journals.glob("*")) == []

    @invariant()
    def an_object_is_whole(self) -> None:
        found = self.data.objects.get("file")
        assert found is None or found.content in self.written

    def _write(self, size: int) -> None:
        self.version += 1
        content = random.Random(self.version).randbytes(size)
        self.written = {*getattr(self, "written", ()), content}
        self.source.write_bytes(content)

    def _run(self) -> None:
        list(end_unusable(self.journals, self.data, lambda _: self.data))
        upload(self.source, self.data, "file", self.journals, ONE_BY_ONE)


Upload.TestCase.settings = settings(max_examples=20, stateful_step_count=10)
TestUpload = Upload.TestCase


@pytest.mark.matrix
def test_uploads_at_length() -> None:
    run_state_machine_as_test(Upload, settings=settings(max_examples=400, stateful_step_count=25))


class Download(RuleBasedStateMachine):
    """One object and its file, with kills, damaged leftovers and objects that are replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="runctl-test-"))
        self.data = ObjectsInMemory()
        self.target = self.folder / "here" / "file"
        self.written: set[bytes] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(size=st.integers(PART + 1, 40), sums=st.booleans())
    def first(self, size: int, sums: bool) -> None:
        self.replaced(size, sums)

    @rule(size=st.integers(PART + 1, 40), sums=st.booleans())
    def replaced(self, size: int, sums: bool) -> None:
        self.data.now_ns += 10**9
        content = random.Random(len(self.written)).randbytes(size)
        self.written.add(content)
        self.data.put("file", content, sums=sums)

    @rule(at=st.integers(0, 12), after=st.booleans())
    def killed(self, at: int, after: bool) -> None:
        crash(self.data, at, after=after, run=self._run)

    @rule(number=st.integers(0, 100))
    def bytes_on_the_disk_are_lost(self, number: int) -> None:
        for each in (self.folder / "here").glob(".runctl-arriving-*"):
            if not each.name.endswith(".journal") and (content := bytearray(each.read_bytes())):
                content[number % len(content)] ^= 0xFF
                each.write_bytes(content)

    @rule()
    def completed(self) -> None:
        self._run()
        assert self.target.read_bytes() == self.data.objects["file"].content
        assert [each.name for each in self.target.parent.iterdir()] == ["file"]

    @invariant()
    def a_file_is_whole(self) -> None:
        assert not self.target.exists() or self.target.read_bytes() in self.written

    def _run(self) -> None:
        self.target.parent.mkdir(exist_ok=True)
        download(self.data, "file", self.target, ONE_BY_ONE)


Download.TestCase.settings = settings(max_examples=20, stateful_step_count=10)
TestDownload = Download.TestCase


@pytest.mark.matrix
def test_downloads_at_length() -> None:
    run_state_machine_as_test(Download, settings=settings(max_examples=400, stateful_step_count=25))


@pytest.mark.parametrize("at", range(3, 12))
def test_only_the_parts_on_their_way_are_sent_again(tmp_path: Path, at: int) -> None:
    data = ObjectsInMemory()
    source = tmp_path / "file"
    source.write_bytes(random.Random(at).randbytes(10 * PART))

    def run() -> None:
        upload(source, data, "file", tmp_path / "journals", OPTIONS)

    was_killed = crash(data, at, after=False, run=run)
    run()
    assert was_killed
    assert data.objects["file"].content == source.read_bytes()
    assert data.sent_bytes <= 10 * PART + AT_ONCE * PART


def test_a_store_without_sums_of_parts_is_continued_by_etags(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.keeps_part_sums = False
    source = tmp_path / "file"
    source.write_bytes(random.Random(1).randbytes(10 * PART))

    def run() -> None:
        upload(source, data, "file", tmp_path / "journals", ONE_BY_ONE)

    assert crash(data, 8, after=False, run=run)
    run()
    assert data.objects["file"].content == source.read_bytes()
    assert data.sent_bytes == 10 * PART


def test_a_lost_answer_to_begin_leaves_no_upload(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    source = tmp_path / "file"
    source.write_bytes(b"x" * 3 * PART)
    lost = [RunctlError("the answer was lost")]

    def after(operation: str, key: str) -> None:
        if operation == "begin" and lost:
            raise lost.pop()

    data.after = after
    upload(source, data, "file", tmp_path / "journals", OPTIONS)
    assert data.objects["file"].content == b"x" * 3 * PART
    assert data.uploads == {}


def test_a_lost_answer_to_complete_is_seen_on_the_next_run(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    source = tmp_path / "file"
    source.write_bytes(b"x" * 3 * PART)

    def run() -> None:
        upload(source, data, "file", tmp_path / "journals", OPTIONS)

    def after(operation: str, key: str) -> None:
        if operation == "complete":
            raise RunctlError("the answer was lost")

    data.after = after
    with pytest.raises(TransferIncompleteError):
        run()
    data.after = nothing
    sent = data.sent_bytes
    del data.requests[:]
    run()
    assert data.sent_bytes == sent
    assert not data.uploads
