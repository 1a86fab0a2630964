"""A large work folder travels in parts, of which a change makes few new ones."""

from __future__ import annotations

import hashlib
import os
import random
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.agent.packages import PartJson
from runctl_auto.errors import PackagingError
from runctl_auto.packaging import code_parts as grouping
from runctl_auto.packaging.code_parts import in_parts
from runctl_auto.packaging.known_parts import KnownParts
from runctl_auto.packaging.package import code_parts, code_sha256, package_code, package_path
from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.packaging.work_folder import WorkFile

LEAST, FROM, MOST = 1000, 4000, 16


@pytest.fixture(autouse=True, scope="module")
def small() -> object:
    """Sizes of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "PARTS_FROM_BYTES", FROM)
        patch.setattr(grouping, "LEAST_PART_BYTES", LEAST)
        patch.setattr(grouping, "MOST_PARTS", MOST)
        yield


def files_of(sizes: dict[str, int]) -> list[WorkFile]:
    return [WorkFile(name, Path(name), size) for name, size in sorted(sizes.items())]


SIZES = st.dictionaries(st.text("abcdef/", min_size=1, max_size=8), st.integers(0, 3000), max_size=80)


@given(SIZES)
def test_every_file_is_in_one_part_and_there_are_not_many(sizes: dict[str, int]) -> None:
    files = files_of(sizes)
    parts = in_parts(files)
    if sum(sizes.values()) < FROM:
        assert parts == []
        return
    assert sorted(file.name for part in parts for file in part) == sorted(sizes)
    assert all(parts)
    usual = max(LEAST, sum(sizes.values()) / MOST / 2)
    alone = [part for part in parts if len(part) == 1 and part[0].size >= usual]
    for part in parts:
        held = sum(file.size for file in part)
        assert part in alone or held <= 6 * 2 * usual


def test_a_change_makes_few_other_parts() -> None:
    dice = random.Random(1)
    sizes = {f"d{number % 9}/{number}": dice.randrange(1, 300) for number in range(400)}
    before = set(in_parts(files_of(sizes)))
    changed = [*dice.sample(sorted(sizes), 20)]
    for name in changed:
        for other in ({**sizes, name: sizes[name] + 1}, {k: v for k, v in sizes.items() if k != name}):
            assert len(set(in_parts(files_of(other))) - before) <= 2
        added = {**sizes, f"{name}x": 100}
        assert len(set(in_parts(files_of(added))) - before) <= 2


def test_links_are_in_no_part() -> None:
    files = [WorkFile("a", Path("a"), 5000), WorkFile("l", Path("l"), 0, link="a")]
    assert [[file.name for file in part] for part in in_parts(files)] == [["a"]]


class Folder:
    """A work folder of 40 files, whose packages are made of files that nobody touched lately."""

    def __init__(self, root: Path) -> None:
        self.work, self.packages = root / "work", root / "packages"
        self.read: list[str] = []
        for number in range(40):
            self.write(f"d{number % 5}/{number}", bytes([number]) * 500)
        (self.work / "link").symlink_to("d0/0")
        (self.work / "empty").mkdir()

    def write(self, name: str, content: bytes) -> None:
        (self.work / name).parent.mkdir(parents=True, exist_ok=True)
        (self.work / name).write_bytes(content)

    def package(self) -> tuple[str, list[PartJson]]:
        found = package_code(walk_work_folder(self.work), self.packages)
        return found.sha256, list(code_parts(found.path))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_package_lists_parts_named_after_their_content(folder: Folder) -> None:
    sha256, parts = folder.package()
    assert len(parts) > 5
    names = []
    for part in parts:
        path = package_path(folder.packages, "part", part["sha256"])
        content = path.read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (part["sha256"], part["bytes"])
        with tarfile.open(path, "r:") as archive:
            names += archive.getnames()
    assert sorted(names) == sorted(f"d{number % 5}/{number}" for number in range(40))
    with tarfile.open(package_path(folder.packages, "code", sha256)) as archive:
        assert archive.getnames() == [".runctl/parts.json", "link", "empty"]
    assert code_sha256(walk_work_folder(folder.work)) == sha256


def test_one_changed_file_is_one_new_part(folder: Folder) -> None:
    first, parts = folder.package()
    folder.write("d3/3", b"x" * 500)
    second, others = folder.package()
    new = [each for each in others if each not in parts]
    assert first != second
    assert len(new) == 1
    assert len(others) == len(parts)


def test_a_small_folder_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a").write_bytes(b"1")
    found = package_code(walk_work_folder(tmp_path / "work"), tmp_path / "packages")
    assert code_parts(found.path) == ()
    assert not list((tmp_path / "packages").glob("part-*"))


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(PackagingError, match="cannot be read"):
        code_parts(tmp_path / "x")


def test_parts_nobody_used_for_a_week_are_removed(folder: Folder) -> None:
    _, parts = folder.package()
    old = folder.packages / f"part-{'0' * 64}.tar"
    old.write_bytes(b"")
    os.utime(old, (time.time() - 8 * 86400,) * 2)
    for part in parts:
        os.utime(package_path(folder.packages, "part", part["sha256"]), (0, 0))
    assert folder.package()[1] == parts
    assert not old.exists()
    assert all(package_path(folder.packages, "part", part["sha256"]).exists() for part in parts)


class Known:
    """The hashes of one part, asked for when its file is an hour old unless said otherwise."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, exist_ok=True)
        self.root, self.path = root, root / "file"
        self.path.write_bytes(b"1")

    def files(self) -> list[WorkFile]:
        return [WorkFile("file", self.path, 1)]

    def opened(self, age: float = 3600) -> KnownParts:
        return KnownParts(self.root, lambda: self.path.lstat().st_ctime_ns + int(age * 10**9))


def test_files_that_did_not_change_are_known(tmp_path: Path) -> None:
    world = Known(tmp_path / "k")
    known = world.opened()
    mark = known.mark(world.files())
    assert known.find(mark) is None
    known.keep(mark, "a" * 64)
    known.save(lambda _: True)
    again = world.opened()
    assert again.find(again.mark(world.files())) == "a" * 64
    status = world.path.stat()
    (tmp_path / "k" / "new").write_bytes(b"2")
    os.utime(tmp_path / "k" / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "k" / "new").replace(world.path)
    changed = world.opened()
    assert changed.find(changed.mark(world.files())) is None, "same size and time, another file"


def test_parts_of_other_jobs_stay_known_as_long_as_they_are_there(tmp_path: Path) -> None:
    world = Known(tmp_path / "k")
    for mark, sha256 in (("one", "a" * 64), ("two", "b" * 64)):
        known = world.opened()
        known.keep(mark, sha256)
        known.save(lambda _: True)
    assert world.opened().find("one") == "a" * 64
    world.opened().save(lambda sha256: sha256.startswith("b"))
    assert world.opened().find("one") is None
    assert world.opened().find("two") == "b" * 64


def test_files_that_could_change_unseen_are_not_known(tmp_path: Path) -> None:
    world = Known(tmp_path / "k")
    known = world.opened(age=1)
    assert known.mark(world.files()) is None
    known.keep(None, "a" * 64)
    known.save(lambda _: True)
    assert known.find(None) is None
    gone = [WorkFile("file", tmp_path / "gone", 1)]
    assert world.opened().mark(gone) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"m": 3}', "null"])
def test_a_spoilt_list_of_known_parts_is_ignored(tmp_path: Path, text: str) -> None:
    world = Known(tmp_path / "k")
    (tmp_path / "k" / "known-parts.json").write_text(text)
    assert world.opened().find("m") is None
