"""What of a bucket becomes which file, and what never does."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path
from unittest import mock

import pytest
from support.objects_in_memory import SECOND, START_NS, ObjectsInMemory

from runctl_auto.errors import LocalDiskFullError, TransferIncompleteError, UsageError
from runctl_auto.providers.objects import WholeSum
from runctl_auto.transfer import download as downloading
from runctl_auto.transfer.fetch_tree import download
from runctl_auto.transfer.options import Options
from runctl_auto.transfer.selection import Selection
from runctl_auto.transfer.send_tree import upload
from runctl_auto.transfer.whole_sums import RunningSum

OPTIONS = Options(part_bytes=8, at_once=2)
LINK = {"mode": str(0o120777), "mtime": "7.000000001"}


def test_a_tree_comes_back_as_it_was_sent(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tmp_path / "src"
    (root / "a" / "empty").mkdir(parents=True)
    (root / "a" / "empty").chmod(0o700)
    (root / "a" / "large").write_bytes(random.Random(0).randbytes(50))
    (root / "a" / "run.sh").write_bytes(b"#!")
    (root / "a" / "run.sh").chmod(0o750)
    (root / "nothing").write_bytes(b"")
    (root / "a" / "link").symlink_to("./run.sh")
    os.utime(root / "a" / "large", ns=(1, 1_234_567_890_123_456_789))
    upload(root, data, "p", tmp_path / "journals", OPTIONS)
    outcome = download(data, "p", tmp_path / "dst", OPTIONS)
    dst = tmp_path / "dst"
    assert (dst / "a" / "large").read_bytes() == (root / "a" / "large").read_bytes()
    assert (dst / "a" / "large").stat().st_mtime_ns == 1_234_567_890_123_456_789
    assert (dst / "a" / "run.sh").stat().st_mode & 0o777 == 0o750
    assert (dst / "a" / "empty").stat().st_mode & 0o777 == 0o700
    assert (dst / "a" / "link").readlink() == Path("run.sh")
    assert (dst / "nothing").read_bytes() == b""
    assert (outcome.files, outcome.same, outcome.unverified) == (4, 0, ())
    assert download(data, "p", dst, OPTIONS).same == 4


def test_objects_of_others_need_no_metadata_to_be_known_again(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("p/one", b"1")
    data.put("p/two", b"22")
    download(data, "p/", tmp_path, OPTIONS)
    assert (tmp_path / "one").stat().st_mtime_ns == START_NS
    del data.requests[:]
    assert download(data, "p/", tmp_path, OPTIONS).same == 2
    assert data.requests == [("list", "p/")]
    data.now_ns += SECOND
    data.put("p/one", b"3")
    assert download(data, "p/", tmp_path, OPTIONS).files == 1
    assert (tmp_path / "one").read_bytes() == b"3"


@pytest.mark.parametrize(
    ("target", "expected"), [("dst", "dst"), ("folder", "folder/one"), ("new/", "new/one"), ("x/y", "x/y")]
)
def test_a_single_object_becomes_the_file_that_is_named(tmp_path: Path, target: str, expected: str) -> None:
    data = ObjectsInMemory()
    data.put("p/one", b"1")
    data.put("p/one/below", b"2")
    (tmp_path / "folder").mkdir()
    download(data, "p/one", tmp_path / target, OPTIONS, into=target.endswith("/"))
    assert (tmp_path / expected).read_bytes() == b"1"


def test_names_that_cannot_be_here_are_told(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    bad = ["../out", "a//b", "/abs", "a/./b", "x" * 256, "zero\0", "file", ".runctl-arriving-1"]
    for name in [*bad, "file/below", "good"]:
        data.put(f"p/{name}", b"1")
    told = {each.path for each in download(data, "p", tmp_path / "dst", OPTIONS).not_transferable}
    assert told == set(bad)
    assert sorted(each.name for each in (tmp_path / "dst").iterdir()) == ["file", "good"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../out", "a/../../out", "zero\0"])
def test_no_link_leads_out_of_the_tree(tmp_path: Path, target: str) -> None:
    data = ObjectsInMemory()
    data.put("p/link", target.encode(), metadata=LINK)
    outcome = download(data, "p", tmp_path / "dst", Options(part_bytes=80, at_once=1))
    assert [each.why for each in outcome.not_transferable] == ["is a link that leads out of the tree"]
    assert outcome.files == 0
    assert not (tmp_path / "dst" / "link").is_symlink()


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("p/sub/file", b"1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferIncompleteError, match="sub is a link here"):
        download(data, "p", tmp_path / "dst", OPTIONS)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("size", [5, 50])
def test_damaged_bytes_are_never_taken(tmp_path: Path, size: int) -> None:
    data = ObjectsInMemory()
    data.put("one", b"1" * size)
    data.spoil = lambda key, content: b"X" + content[1:]
    (tmp_path / "one").write_bytes(b"before")
    with pytest.raises(TransferIncompleteError, match="checksum is another") as caught:
        download(data, "one", tmp_path / "one", OPTIONS)
    assert caught.value.failures[0]["kind"] == "checksum-mismatch"
    assert (tmp_path / "one").read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["one"]


def test_bytes_that_were_damaged_once_are_fetched_again(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("one", b"12345")
    flips = iter([b"X", b""])
    data.spoil = lambda key, content: (flip := next(flips)) + content[len(flip) :]
    download(data, "one", tmp_path / "one", OPTIONS)
    assert (tmp_path / "one").read_bytes() == b"12345"


@pytest.mark.parametrize("size", [5, 50])
@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_an_object_that_changes_meanwhile_is_refused(tmp_path: Path, size: int, change: str) -> None:
    data = ObjectsInMemory()
    data.put("p/one", b"1" * size)
    data.put("p/two", b"2")

    def alter(operation: str, key: str) -> None:
        if operation == "read" and key == "p/one" and change == "replaced":
            data.put("p/one", b"2" * size)
        elif operation == "read" and key == "p/one":
            del data.objects["p/one"]

    data.before = alter
    with pytest.raises(TransferIncompleteError, match=r"1 of 2 files were not fetched:\n  one"):
        download(data, "p", tmp_path / "dst", OPTIONS)
    assert not (tmp_path / "dst" / "one").exists()
    assert (tmp_path / "dst" / "two").read_bytes() == b"2"


@pytest.mark.parametrize("size", [5, 50])
@pytest.mark.parametrize("algorithm", ["crc32", "crc32c", "sha1", "sha256"])
def test_checksums_of_other_algorithms_are_verified(tmp_path: Path, size: int, algorithm: str) -> None:
    data = ObjectsInMemory()
    running = RunningSum(algorithm)  # type: ignore[arg-type]
    running.update(b"1" * size)
    stored = data.put("one", b"1" * size)
    stored.whole_sum = WholeSum(algorithm=algorithm, value=running.value())  # type: ignore[arg-type]
    assert download(data, "one", tmp_path / "one", OPTIONS).unverified == ()
    stored.whole_sum = WholeSum(algorithm=algorithm, value="AAAA")  # type: ignore[arg-type]
    with pytest.raises(TransferIncompleteError, match="checksum"):
        download(data, "one", tmp_path / "other", OPTIONS)


@pytest.mark.parametrize("size", [5, 50])
def test_an_object_without_a_checksum_is_told_as_unverified(tmp_path: Path, size: int) -> None:
    data = ObjectsInMemory()
    data.put("p/one", b"1" * size, sums=False)
    assert download(data, "p", tmp_path, OPTIONS).unverified == ("one",)


def test_compressed_objects_are_undone_and_verified(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    root = tmp_path / "src"
    root.mkdir()
    (root / "text").write_bytes(b"again and again " * 20)
    (root / "large").write_bytes(random.Random(0).randbytes(2000).hex().encode() * 2)
    options = Options(part_bytes=400, compress=True)
    upload(root, data, "p", tmp_path / "journals", options)
    download(data, "p", tmp_path / "dst", options)
    for name in ("text", "large"):
        assert (tmp_path / "dst" / name).read_bytes() == (root / name).read_bytes()
        assert len(data.objects[f"p/{name}"].content) < (root / name).stat().st_size
    assert download(data, "p", tmp_path / "dst", options).same == 2
    for name in ("text", "large"):
        found = data.objects[f"p/{name}"]
        found.metadata = {**found.metadata, "runctl-zstd-crc64nvme": "AAAAAAAAAAA="}
    with pytest.raises(TransferIncompleteError, match="2 of 2"):
        download(data, "p", tmp_path / "other", options)
    assert list((tmp_path / "other").iterdir()) == []


def test_a_full_disk_stops_all_and_is_named(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    for number in range(40):
        data.put(f"p/{number:02}", b"1")
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        mock.patch.object(downloading.os, "pwrite", autospec=True, side_effect=full),
        pytest.raises(LocalDiskFullError),
    ):
        download(data, "p", tmp_path / "dst", OPTIONS)
    assert list((tmp_path / "dst").iterdir()) == []
    assert sum(operation == "read" for operation, _ in data.requests) < 40


def test_what_does_not_fit_is_refused_before_it_starts(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("one", b"1" * 50)
    disk = os.statvfs_result((9, 9, 1, 1, 1, 1, 1, 1, 1, 255))
    with (
        mock.patch.object(os, "statvfs", autospec=True, return_value=disk),
        pytest.raises(LocalDiskFullError, match="50 bytes do not fit"),
    ):
        download(data, "one", tmp_path / "one", OPTIONS)
    assert ("read", "one") not in data.requests


def test_delete_removes_files_and_empty_folders_but_nothing_excluded(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("p/keep", b"1")
    for path in ("old", "sub/deep/old", "sub/kept.log"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    options = Options(delete=True, selection=Selection(exclude=("*.log",)))
    assert download(data, "p", tmp_path, options).deleted == ("old", "sub/deep/old")
    left = sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*"))
    assert left == ["keep", "sub", "sub/kept.log"]


def test_a_source_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        download(ObjectsInMemory(), "p", tmp_path, OPTIONS)


def test_leftovers_of_killed_commands_are_removed_once_nobody_needs_them(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("p/one", b"1")
    abandoned = tmp_path / ".runctl-arriving-a"
    abandoned.write_bytes(b"x")
    (tmp_path / ".runctl-arriving-a.journal").write_text('{"place": "s3://bucket", "key": "p/gone"}\n')
    foreign = tmp_path / ".runctl-arriving-b.journal"
    foreign.write_text('{"place": "s3://other", "key": "p/one"}\n')
    old, new = tmp_path / ".runctl-arriving-c", tmp_path / ".runctl-arriving-d"
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (1, 1))
    download(data, "p", tmp_path, OPTIONS)
    assert sorted(each.name for each in tmp_path.iterdir()) == [foreign.name, new.name, "one"]
