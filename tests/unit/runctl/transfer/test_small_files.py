"""Trees of small files: what is moved together, and what is left to those who can tell why."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest
from support.objects_in_memory import ObjectsInMemory

from runctl_auto.errors import AccessDeniedError
from runctl_auto.transfer import download as downloading
from runctl_auto.transfer import fetch_tree
from runctl_auto.transfer.bucket_tree import read_bucket
from runctl_auto.transfer.fetch_tree import download
from runctl_auto.transfer.local_tree import ARRIVING, read_tree
from runctl_auto.transfer.meter import Meter
from runctl_auto.transfer.options import Options
from runctl_auto.transfer.send_tree import upload
from runctl_auto.transfer.small_files import MANY, SmallDownload, SmallUpload, fetch_small, send_small

OPTIONS = Options(part_bytes=1 << 16, at_once=2)
COUNT = 2 * MANY
MOMENT = 1_700_000_000_123_456_789


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "src"
    for number in range(COUNT):
        file = made / f"d{number % 3}" / f"{number:02}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%d" % number * number)
        file.chmod(0o640 if number % 2 else 0o755)
        os.utime(file, ns=(5, MOMENT + number))
    return made


def uploads(source: Path) -> list[SmallUpload]:
    entries = read_tree(source).entries.values()
    return [SmallUpload(os.fspath(source / each.path), each, f"p/{each.path}") for each in entries]


def content(root: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        each.relative_to(root).as_posix(): (each.read_bytes(), each.stat().st_mode, each.stat().st_mtime_ns)
        for each in root.rglob("*")
        if each.is_file()
    }


def test_there_and_back_with_modes_and_times(source: Path, tmp_path: Path) -> None:
    data = ObjectsInMemory()
    outcome = upload(source, data, "p", tmp_path / "journals", OPTIONS)
    size = sum(len(text) for text, _, _ in content(source).values())
    assert (outcome.files, outcome.bytes, len(data.objects)) == (COUNT, size, COUNT)
    assert upload(source, data, "p", tmp_path / "journals", OPTIONS).same == COUNT
    fetched = download(data, "p", tmp_path / "dst", OPTIONS)
    assert (fetched.files, fetched.unverified) == (COUNT, ())
    assert content(tmp_path / "dst") == content(source)
    assert download(data, "p", tmp_path / "dst", OPTIONS).same == COUNT


def test_a_file_that_changed_or_is_gone_is_left(source: Path) -> None:
    files = uploads(source)
    Path(files[3].place).write_bytes(b"another")
    Path(files[4].place).unlink()
    meter = Meter()
    moved = send_small(ObjectsInMemory(), files, meter, at_once=4)
    assert moved.indexes == set(range(COUNT)) - {3, 4}
    assert meter.progress().files == COUNT - 2


def test_one_refused_file_takes_no_other_with_it(source: Path, tmp_path: Path) -> None:
    data = ObjectsInMemory()

    def refuse(operation: str, key: str) -> None:
        if operation == "write" and key.endswith("/07"):
            raise AccessDeniedError("not this one", code="AccessDenied")

    data.before = refuse
    with pytest.raises(Exception, match="1 of 64 files were not sent") as refused:
        upload(source, data, "p", tmp_path / "journals", OPTIONS)
    assert "not this one" in str(refused.value)
    assert len(data.objects) == COUNT - 1


def test_damaged_bytes_links_and_unverified_objects(source: Path, tmp_path: Path) -> None:
    data = ObjectsInMemory()
    (source / "link").symlink_to("d0/00")
    upload(source, data, "p", tmp_path / "journals", OPTIONS)
    data.put("p/unsummed", b"x", sums=False)
    spoilt = iter((True,))
    data.spoil = lambda key, found: b"?" * len(found) if key == "p/d1/10" and next(spoilt, False) else found
    outcome = download(data, "p", tmp_path / "dst", OPTIONS)
    assert outcome.unverified == ("unsummed",)
    assert (tmp_path / "dst" / "link").readlink() == Path("d0/00")
    assert (tmp_path / "dst" / "d1" / "10").read_bytes() == (source / "d1" / "10").read_bytes()
    assert not [each for each in (tmp_path / "dst").rglob("*") if each.name.startswith(ARRIVING)]


def test_a_file_that_cannot_be_written_is_left_without_a_trace(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    data.put("p/a", b"1")
    data.put("p/b", b"2")
    (tmp_path / "b").mkdir()
    entries = read_bucket(data, "p/").entries
    files = [SmallDownload(entries[name], os.fspath(tmp_path / name)) for name in ("a", "b")]
    moved = fetch_small(data, files, Meter(), usual_mode=0o600, at_once=2)
    assert moved.indexes == {0}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("processes", [1, 2])
def test_a_large_object_by_several_processes(tmp_path: Path, processes: int) -> None:
    data = ObjectsInMemory()
    whole = os.urandom(1001)
    data.put("big", whole)
    options = Options(part_bytes=64, at_once=3)
    with (
        mock.patch.object(downloading, "SHARED_BYTES", 100),
        mock.patch.object(fetch_tree, "SHARED_BYTES", 100),
        mock.patch.object(fetch_tree, "usable_processes", autospec=True, return_value=processes),
    ):
        download(data, "big", tmp_path / "big", options)
    assert (tmp_path / "big").read_bytes() == whole
    assert [each.name for each in tmp_path.iterdir()] == ["big"]


def test_what_other_processes_cannot_fetch_is_fetched_here(tmp_path: Path) -> None:
    data = ObjectsInMemory()
    whole = os.urandom(1001)
    data.put("big", whole)
    own = os.getpid()

    def refuse(operation: str, key: str) -> None:
        if operation == "read" and os.getpid() != own:
            raise AccessDeniedError("not in this process", code="AccessDenied")

    data.before = refuse
    with (
        mock.patch.object(downloading, "SHARED_BYTES", 100),
        mock.patch.object(fetch_tree, "SHARED_BYTES", 100),
        mock.patch.object(fetch_tree, "usable_processes", autospec=True, return_value=2),
    ):
        download(data, "big", tmp_path / "big", Options(part_bytes=64, at_once=3))
    assert (tmp_path / "big").read_bytes() == whole
