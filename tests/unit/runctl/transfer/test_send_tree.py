"""What of a folder becomes which object."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from support.objects_in_memory import ObjectsInMemory

from runctl_auto.errors import (
    AccessDeniedError,
    ConfirmationNeededError,
    CredentialsError,
    TransferIncompleteError,
    UsageError,
)
from runctl_auto.transfer.entries import attributes_of
from runctl_auto.transfer.local_tree import read_tree
from runctl_auto.transfer.options import Options, Outcome
from runctl_auto.transfer.selection import Selection
from runctl_auto.transfer.send_tree import upload
from runctl_auto.transfer.upload import part_size

OPTIONS = Options(part_bytes=8, at_once=2)


def send(source: Path, data: ObjectsInMemory, key: str, options: Options = OPTIONS) -> Outcome:
    return upload(source, data, key, source.parent / "journals", options)


def tree(root: Path) -> Path:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "one").write_bytes(b"1")
    (root / "a" / "b" / "large").write_bytes(random.Random(0).randbytes(50))
    (root / "empty").mkdir()
    (root / "link").symlink_to("./a/one")
    return root


def test_a_tree_becomes_objects_with_modes_times_and_links(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tree(tmp_path / "src")
    (root / "a" / "one").chmod(0o640)
    os.utime(root / "a" / "one", ns=(5, 1_700_000_000_123_456_789))
    outcome = send(root, data, "pre/fix")
    assert sorted(data.objects) == ["pre/fix/a/b/large", "pre/fix/a/one", "pre/fix/empty/", "pre/fix/link"]
    assert data.objects["pre/fix/link"].content == b"./a/one"
    assert data.objects["pre/fix/a/b/large"].content == (root / "a" / "b" / "large").read_bytes()
    one = attributes_of(dict(data.objects["pre/fix/a/one"].metadata))
    assert (one.permissions, one.mtime_ns) == (0o640, 1_700_000_000_123_456_789)
    assert attributes_of(dict(data.objects["pre/fix/link"].metadata)).is_link
    assert (outcome.files, outcome.same) == (4, 0)


def test_what_is_there_is_not_sent_again(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tree(tmp_path / "src")
    send(root, data, "p")
    sent = data.sent_bytes
    assert send(root, data, "p").same == 4
    (root / "a" / "one").write_bytes(b"2")
    outcome = send(root, data, "p")
    assert (outcome.files, outcome.same, data.sent_bytes) == (1, 3, sent + 1)
    assert data.objects["p/a/one"].content == b"2"


def test_an_object_that_is_surely_newer_needs_no_question(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tree(tmp_path / "src")
    send(root, data, "p")
    for each in data.objects.values():
        each.modified_ns += 60 * 10**9
    del data.requests[:]
    send(root, data, "p")
    assert data.requests == [("list", "p/")]


@pytest.mark.parametrize(
    ("key", "expected"), [("", "file"), ("p/", "p/file"), ("p", "p"), ("p/other", "p/other")]
)
def test_a_single_file_becomes_the_object_that_is_named(tmp_path: Path, key: str, expected: str) -> None:
    data = ObjectsInMemory()
    (tmp_path / "file").write_bytes(b"12")
    send(tmp_path / "file", data, key)
    assert list(data.objects) == [expected]
    assert send(tmp_path / "file", data, key).same == 1


def test_names_that_cannot_be_are_told_and_the_rest_is_sent(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tmp_path / "src"
    root.mkdir()
    (root / "ok").write_bytes(b"1")
    os.mkfifo(root / "pipe")
    (root / os.fsdecode(b"caf\xe9")).write_bytes(b"")
    deep = "/".join(["d" * 100] * 3)
    (root / deep).mkdir(parents=True)
    (root / deep / "f").write_bytes(b"1")
    told = {each.path: each.why for each in send(root, data, "p" * 800).not_transferable}
    assert told["pipe"] == "is no regular file"
    assert told["caf\udce9"] == "its name is not UTF-8"
    assert "longer than S3 allows" in told[deep]
    assert list(data.objects) == ["p" * 800 + "/ok"]


def test_delete_asks_and_removes_what_the_source_has_not(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tree(tmp_path / "src")
    for key in ("p/old", "p/kept.log", "p/a/b/old", "other"):
        data.put(key, b"x")
    asked: list[int] = []

    def refuse(count: int) -> None:
        asked.append(count)
        raise ConfirmationNeededError("no")

    options = Options(part_bytes=8, delete=True, selection=Selection(exclude=("*.log",)))
    with pytest.raises(ConfirmationNeededError):
        send(root, data, "p", Options(**{**vars(options), "confirm_deletion": refuse}))
    assert asked == [2]
    assert "p/a/one" not in data.objects
    outcome = send(root, data, "p", options)
    assert outcome.deleted == ("a/b/old", "old")
    assert {"p/kept.log", "other"} <= data.objects.keys()
    assert "p/old" not in data.objects


def test_nothing_is_deleted_when_a_file_failed_or_the_source_is_empty(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("p/old", b"x")
    root = tree(tmp_path / "src")

    def refuse(operation: str, key: str) -> None:
        if operation == "write" and key == "p/a/one":
            raise AccessDeniedError("denied", code="AccessDenied")

    data.before = refuse
    with pytest.raises(TransferIncompleteError, match="1 of 4 files were not sent:\n  a/one: denied"):
        send(root, data, "p", Options(part_bytes=8, delete=True))
    assert "p/old" in data.objects
    assert "p/a/b/large" in data.objects, "the others were sent"
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UsageError, match="everything at the target would be deleted"):
        send(tmp_path / "nothing", data, "p", Options(delete=True))


def test_what_concerns_all_files_stops_at_once(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tmp_path / "src"
    root.mkdir()
    for number in range(50):
        (root / f"{number:02}").write_bytes(b"1")

    def revoked(operation: str, key: str) -> None:
        if operation == "write":
            raise CredentialsError("revoked", code="InvalidAccessKeyId")

    data.before = revoked
    with pytest.raises(CredentialsError):
        send(root, data, "p")
    assert sum(operation == "write" for operation, _ in data.requests) < 50


def test_a_file_that_changes_while_it_is_sent_is_refused(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    source = tmp_path / "file"
    source.write_bytes(b"1" * 40)

    def change(operation: str, key: str) -> None:
        if operation == "write_part":
            source.write_bytes(b"2" * 41)

    data.after = change
    with pytest.raises(TransferIncompleteError, match="changed while it was sent"):
        send(source, data, "file")
    assert data.uploads == {}
    assert data.objects == {}


def test_a_dry_run_changes_nothing_and_names_all(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("p/old", b"x")
    root = tree(tmp_path / "src")
    outcome = send(root, data, "p", Options(dry_run=True, delete=True))
    assert outcome.moved == ("a/b/large", "a/one", "empty", "link")
    assert outcome.deleted == ("old",)
    assert list(data.objects) == ["p/old"]


def test_selections_and_ignore_files(tmp_path: Path) -> None:
    root = tmp_path / "src"
    for path in ("keep.py", "note.txt", "build/out.o", "sub/a.py", "sub/tmp/b.py", ".git/config"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("1")
    (root / ".gitignore").write_text("build/\n*.txt\n")
    (root / "sub" / ".gitignore").write_text("tmp\n")

    def taken(**selection: object) -> set[str]:
        found = read_tree(root, Selection(**selection), folders=False)  # type: ignore[arg-type]
        return set(found.entries)

    assert taken(gitignore=True) == {"keep.py", "sub/a.py", ".gitignore", "sub/.gitignore"}
    assert taken(include=("*.py",)) == {"keep.py", "sub/a.py", "sub/tmp/b.py"}
    assert taken(include=("sub/",), exclude=("tmp/",)) == {"sub/a.py", "sub/.gitignore"}
    assert taken(include=("*.py",), exclude=("/sub",)) == {"keep.py"}
    for path in ("sub/tmp/b.py", "note.txt"):
        assert Selection(exclude=("tmp/", "*.txt")).excludes(path)
    assert not Selection(include=("sub/",)).excludes("sub/a.py")


def test_a_part_grows_with_the_file() -> None:
    eight = 8 << 20
    assert part_size(2 << 30, eight) == eight
    assert part_size(20 << 30, eight) == 80 << 20, "256 parts"
    largest = 5 << 40
    assert -(-largest // part_size(largest, eight)) <= 10_000
    assert part_size(largest, eight) % (1 << 20) == 0


@pytest.mark.parametrize("rate", [None, 10**9])
def test_a_part_that_is_larger_than_a_buffer_is_read_as_it_is_sent(tmp_path: Path, rate: int | None) -> None:
    data = ObjectsInMemory()
    content = random.Random(2).randbytes((2 << 20) + 4097)
    (tmp_path / "file").write_bytes(content)
    options = Options(part_bytes=4096, at_once=2, bandwidth=rate)
    send(tmp_path / "file", data, "f", options)
    assert data.objects["f"].content == content
    assert sum(each == "write_part" for each, _ in data.requests) == 3, "of 1 MiB"


def test_a_part_that_is_larger_than_a_buffer_is_taken_up(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    (tmp_path / "file").write_bytes(random.Random(2).randbytes((2 << 20) + 4097))

    def lose(operation: str, _: str) -> None:
        if operation == "complete":
            raise CredentialsError("refused")

    data.before = lose
    with pytest.raises(CredentialsError):
        send(tmp_path / "file", data, "f", Options(part_bytes=4096, at_once=2))
    data.before = lambda *_: None
    for journal in (tmp_path / "journals").iterdir():
        lines = journal.read_text().splitlines(keepends=True)
        journal.write_text("".join(lines[:-1]))
    sent = data.sent_bytes
    send(tmp_path / "file", data, "f", Options(part_bytes=4096, at_once=2))
    assert data.sent_bytes == sent, "the part without a line was compared"
    assert data.objects["f"].content == (tmp_path / "file").read_bytes()


def test_compressed_where_it_pays_and_the_same_the_next_time(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tmp_path / "src"
    root.mkdir()
    (root / "text").write_bytes(b"again and again " * 20)
    (root / "large text").write_bytes(b"again and again " * 5000)
    (root / "noise").write_bytes(random.Random(0).randbytes(300))
    options = Options(part_bytes=400, compress=True)
    send(root, data, "p", options)
    assert len(data.objects["p/text"].content) < 100
    assert len(data.objects["p/large text"].content) < 8000
    assert data.objects["p/noise"].content == (root / "noise").read_bytes()
    assert send(root, data, "p", options).same == 3
    assert not list((tmp_path / "journals").glob("*"))


def test_an_object_that_the_store_says_to_have_made_and_does_not_show(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    source = tmp_path / "file"
    source.write_bytes(b"1" * 40)

    def hide(operation: str, key: str) -> None:
        if operation == "complete":
            del data.objects[key]

    data.after = hide
    with pytest.raises(TransferIncompleteError, match="the store does not show it"):
        send(source, data, "k")
    assert list((tmp_path / "journals").iterdir()), "the next command goes on"
