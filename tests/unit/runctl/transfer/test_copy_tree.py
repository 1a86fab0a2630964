"""What is copied inside a store, and how often a part of it is made."""

from __future__ import annotations

import gc
import random
from pathlib import Path

import pytest
from support.objects_in_memory import SECOND, Killed, ObjectsInMemory

from runctl_auto.errors import CloudError, TransferIncompleteError, UsageError
from runctl_auto.transfer.copy_tree import At, copy_objects
from runctl_auto.transfer.options import Options, Outcome
from runctl_auto.transfer.selection import Selection
from runctl_auto.transfer.unfinished import end_unusable

LARGE = random.Random(0).randbytes(50)


class Store:
    """Two buckets of one store, and the folder of journals."""

    def __init__(self, journals: Path) -> None:
        buckets: dict[str, ObjectsInMemory] = {}
        self.source = ObjectsInMemory("from", buckets)
        self.target = ObjectsInMemory("to", buckets)
        self.target.now_ns += 10 * SECOND
        self.buckets = buckets
        self.journals = journals

    def copy(self, key: str, target_key: str, options: Options | None = None, *, into: str = "to") -> Outcome:
        return copy_objects(
            At(self.source, key),
            At(self.buckets[into], target_key),
            self.journals,
            options or Options(at_once=2),
            part_bytes=8,
        )

    def ended(self) -> list[str]:
        return list(end_unusable(self.journals, self.target, self.buckets.__getitem__))

    def count(self, operation: str) -> int:
        return sum(each == operation for each, _ in self.target.requests)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.source.put("a/one", b"1", metadata={"mode": "33188"})
    store.source.put("a/b/large", LARGE, metadata={"mtime": "5.0"})
    store.source.put("a/c//odd", b"odd")
    return store


def test_a_tree_is_copied_with_metadata_and_without_passing_this_machine(store: Store) -> None:
    outcome = store.copy("a", "x/y/")
    assert sorted(store.target.objects) == ["x/y/b/large", "x/y/c//odd", "x/y/one"]
    assert store.target.objects["x/y/b/large"].content == LARGE
    assert store.target.objects["x/y/b/large"].metadata == {"mtime": "5.0"}
    assert store.target.objects["x/y/one"].metadata == {"mode": "33188"}
    assert (outcome.files, outcome.bytes, outcome.same, outcome.unverified) == (3, 54, 0, ())
    assert not store.target.uploads
    assert not list(store.journals.iterdir())
    assert store.target.sent_bytes == 0
    assert not [each for each in store.source.requests if each[0] in ("read", "stream")]


def test_what_is_there_is_not_copied_again(store: Store) -> None:
    store.copy("a", "x")
    assert store.copy("a", "x").same == 3
    store.source.now_ns += 20 * SECOND
    store.source.put("a/one", b"2")
    outcome = store.copy("a", "x")
    assert (outcome.files, outcome.same) == (1, 2)
    assert store.target.objects["x/one"].content == b"2"


def test_an_object_becomes_the_object_that_the_target_names(store: Store) -> None:
    store.copy("a/one", "x/two")
    store.copy("a/one", "y/")
    store.copy("a/one", "")
    assert sorted(store.target.objects) == ["one", "x/two", "y/one"]


def test_patterns_choose_and_delete_keeps_what_they_leave_out(store: Store) -> None:
    for name in ("x/gone", "x/kept.log"):
        store.target.put(name, b"")
    options = Options(selection=Selection(exclude=("*.log", "odd")), delete=True, at_once=2)
    assert store.copy("a", "x", options).deleted == ("gone",)
    assert sorted(store.target.objects) == ["x/b/large", "x/kept.log", "x/one"]


def test_a_dry_run_says_what_would_be_copied(store: Store) -> None:
    outcome = store.copy("a", "x", Options(dry_run=True))
    assert (outcome.moved, outcome.dry_run) == (("b/large", "c//odd", "one"), True)
    assert not store.target.objects


@pytest.mark.parametrize(
    ("key", "target_key", "delete"),
    [("a", "a/b", False), ("a/one", "a/one", False), ("a/b", "a", True), ("a", "a", False)],
)
def test_a_place_in_itself_is_refused(store: Store, key: str, target_key: str, delete: bool) -> None:
    with pytest.raises(UsageError):
        store.copy(key, target_key, Options(delete=delete), into="from")


def test_a_source_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        store.copy("b", "x")


@pytest.mark.parametrize("operation", ["begin", "copy_part", "complete"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_killed_copy_is_taken_up(store: Store, operation: str, side: str) -> None:
    made: list[str] = []

    def kill(asked: str, key: str) -> None:
        if asked == operation and key == "x/large":
            made.append(key)
            if operation != "copy_part" or len(made) == 3:
                raise Killed

    setattr(store.target, side, kill)
    with pytest.raises(Killed):
        store.copy("a/b", "x", Options(at_once=1))
    store.target.before = store.target.after = lambda *_: None
    gc.collect()  # a dead process holds no lock
    noted = max(0, len(made) - 1) if operation == "copy_part" else 0
    before = store.count("copy_part")
    store.copy("a/b", "x", Options(at_once=1))
    assert store.target.objects["x/large"].content == LARGE
    assert not store.target.uploads
    if operation == "copy_part":
        assert store.count("copy_part") - before == 7 - noted
    elif operation == "complete":
        assert store.count("copy_part") == before, "all parts were there"


def test_a_source_that_changed_meanwhile_is_refused_then_copied_anew(store: Store) -> None:
    def change(asked: str, _: str) -> None:
        if asked == "copy_part":
            store.target.after = lambda *_: None
            store.source.put("a/b/large", LARGE[::-1])

    store.target.after = change
    with pytest.raises(TransferIncompleteError, match="changed"):
        store.copy("a/b", "x", Options(at_once=1))
    assert store.target.uploads
    assert store.ended() == []
    assert not store.target.uploads, "nothing can continue it"
    store.copy("a/b", "x")
    assert store.target.objects["x/large"].content == LARGE[::-1]


def test_an_unfinished_copy_that_can_be_continued_is_told(store: Store) -> None:
    def fail(asked: str, _: str) -> None:
        if asked == "complete":
            raise CloudError("refused", code="SlowDown")

    store.target.before = fail
    with pytest.raises(TransferIncompleteError):
        store.copy("a/b", "x")
    assert "1 uploads of stopped commands" in store.ended()[0]
    assert store.target.uploads


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("key", ["x/large", "x/one"])
def test_other_bytes_than_the_source_has_are_told_by_the_checksum(
    store: Store, key: str, keeps: bool
) -> None:
    store.source.put("a/b/one", b"1")
    store.target.keeps_part_sums = keeps
    store.target.spoil = lambda name, content: (
        bytes([content[0] ^ 1]) + content[1:] if name == key else content
    )
    with pytest.raises(TransferIncompleteError, match=r"checksum|other bytes"):
        store.copy("a/b", "x")
    assert not store.target.uploads


def test_a_source_without_a_checksum_is_copied_and_told(store: Store) -> None:
    for name, content in (("b/small", b"2"), ("b/large", LARGE)):
        store.source.put(name, content, sums=False)
    assert sorted(store.copy("b", "x").unverified) == ["large", "small"]


def test_an_answer_to_the_end_that_was_lost_leaves_the_object(store: Store) -> None:
    def lose(asked: str, _: str) -> None:
        if asked == "complete":
            store.target.after = lambda *_: None
            raise CloudError("lost", code="Lost")

    store.target.after = lose
    with pytest.raises(TransferIncompleteError):
        store.copy("a/b", "x")
    parts = store.count("copy_part")
    store.target.objects["x/large"].modified_ns = 0
    store.copy("a/b", "x")
    assert store.count("copy_part") == parts
    assert not list(store.journals.iterdir())
