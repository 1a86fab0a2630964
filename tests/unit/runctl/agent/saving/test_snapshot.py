from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runctl_auto.agent.errors import FileChangedError
from runctl_auto.agent.saving import snapshot as module
from runctl_auto.agent.saving.file_tree import FileTree, scan
from runctl_auto.agent.saving.snapshot import APPEARED, CHANGED, REPLACED, VANISHED, Snapshot, freeze


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "f/sub").mkdir(parents=True)
    (tmp_path / "f/a").write_text("one line\n")
    (tmp_path / "f/sub/b").write_text("22")
    return tmp_path / "f"


@pytest.fixture(params=["copied", "linked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "linked":
        monkeypatch.setattr(module, "COPIED_BYTES", -1)
    return str(request.param)


def content(taken: Snapshot) -> dict[str, bytes]:
    return {file.path: file.source.read_bytes()[: file.size] for file in taken.files}


def after(folder: Path, target: Path, change: Callable[[], object]) -> Snapshot:
    """What is frozen when `change` happens between the two looks at the folder."""
    before: FileTree = scan(folder)
    change()
    return freeze(folder, before, target)


def test_freezing_takes_the_files_and_survives_their_removal(folder: Path, tmp_path: Path, way: str) -> None:
    taken = freeze(folder, scan(folder), tmp_path / "copy")
    (folder / "a").unlink()
    assert content(taken) == {"a": b"one line\n", "sub/b": b"22"}
    assert (taken.unsettled, taken.left_out) == ({}, [])


def test_freezing_replaces_an_earlier_copy(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/old").write_text("old")
    freeze(folder, scan(folder), tmp_path / "copy")
    assert not (tmp_path / "copy/old").exists()


def test_a_file_that_grows_is_cut(folder: Path, tmp_path: Path, way: str) -> None:
    def grow() -> None:
        with (folder / "a").open("a") as file:
            file.write("another\n")

    taken = after(folder, tmp_path / "copy", grow)
    assert content(taken)["a"] == b"one line\n"
    assert taken.unsettled == {}


def test_a_touched_file_is_no_change(folder: Path, tmp_path: Path, way: str) -> None:
    assert after(folder, tmp_path / "copy", lambda: os.utime(folder / "a", (5, 5))).unsettled == {}


@pytest.mark.parametrize("text", ["another text, longer", "short"])
def test_a_rewritten_file_is_told(
    folder: Path, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    copy = module._copy

    def copy_then_rewrite(*arguments: object) -> None:
        copy(*arguments)  # type: ignore[arg-type]
        if not taken:
            taken.append("a")
            (folder / "a").write_text(text)

    monkeypatch.setattr(module, "_copy", copy_then_rewrite)
    frozen = freeze(folder, scan(folder), tmp_path / "copy")
    assert frozen.unsettled == {"a": CHANGED}
    assert content(frozen)["a"] == b"one line\n"


def test_what_else_happens_meanwhile_is_told(folder: Path, tmp_path: Path) -> None:
    def happen() -> None:
        (folder / "sub/b").unlink()
        (folder / "new").write_text("a, anew")
        (folder / "new").replace(folder / "a")
        (folder / "c").write_text("3")

    taken = after(folder, tmp_path / "copy", happen)
    assert taken.unsettled == {"a": REPLACED, "sub/b": VANISHED, "c": APPEARED}
    assert set(content(taken)) == {"a"}


def test_a_file_that_cannot_be_read_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path) -> object:
        if file.name == "a":
            raise PermissionError(13, "Permission denied")
        return opened(file)

    opened = module._open_regular
    monkeypatch.setattr(module, "_open_regular", refuse)
    taken = freeze(folder, scan(folder), tmp_path / "copy")
    assert [(each.path, each.why) for each in taken.left_out] == [("a", "cannot be read: Permission denied")]
    assert set(content(taken)) == {"sub/b"}


def test_small_files_are_copied_and_large_ones_linked(folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "COPIED_BYTES", 2)
    shared = {file.path: file.shared for file in freeze(folder, scan(folder), tmp_path / "copy").files}
    assert shared == {"a": True, "sub/b": False}
    assert (folder / "a").stat().st_nlink == 2


def refuse(*arguments: object, **options: object) -> None:
    raise OSError(18, "cross-device link")


def test_where_links_cannot_be_made_the_file_itself_is_read(
    folder: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(module, "COPIED_BYTES", 2)
    monkeypatch.setattr(module.os, "link", refuse)
    (large,) = [file for file in freeze(folder, scan(folder), tmp_path / "copy").files if file.shared]
    assert large.source == folder / "a"


def test_without_room_for_copies_files_are_linked(folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_copy", refuse)
    taken = freeze(folder, scan(folder), tmp_path / "copy")
    assert all(file.shared for file in taken.files)
    assert content(taken) == {"a": b"one line\n", "sub/b": b"22"}


def test_of_a_sparse_file_only_the_data_is_taken(folder: Path, tmp_path: Path) -> None:
    with (folder / "holes").open("wb") as file:
        file.truncate(50_000_000)
        file.seek(20_000_000)
        file.write(b"in the middle")
    (taken,) = [
        file for file in freeze(folder, scan(folder), tmp_path / "copy").files if file.path == "holes"
    ]
    assert taken.extents is not None
    assert taken.state.size == 50_000_000
    assert taken.size < 1_000_000
    assert b"in the middle" in taken.source.read_bytes()


def test_a_shared_file_that_changed_since_is_refused_but_not_one_that_grew(
    folder: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(module, "COPIED_BYTES", -1)
    taken = {file.path: file for file in freeze(folder, scan(folder), tmp_path / "copy").files}
    digest = hashlib.sha256(b"one line\n").hexdigest()
    taken["a"].refuse_changed(digest)
    with (folder / "a").open("a") as file:
        file.write("more\n")
    taken["a"].refuse_changed(digest)
    (folder / "a").write_text("rewritten in place")
    with pytest.raises(FileChangedError, match="a changed"):
        taken["a"].refuse_changed(digest)
