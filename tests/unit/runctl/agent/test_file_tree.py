from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_auto.agent import file_tree
from runctl_auto.agent.errors import FileChangedError
from runctl_auto.agent.file_tree import freeze, scan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "f/sub").mkdir(parents=True)
    (tmp_path / "f/a").write_text("1")
    (tmp_path / "f/sub/b").write_text("22")
    return tmp_path / "f"


def test_a_scan_sees_files_and_inner_links(folder: Path) -> None:
    (folder / "inner").symlink_to("sub")
    (folder / "outer").symlink_to("/etc/passwd")
    (folder / "climbing").symlink_to("../../x")
    os.mkfifo(folder / "pipe")
    tree = scan(folder)
    assert {path: size for path, (size, _, _) in tree.files.items()} == {"a": 1, "sub/b": 2}
    assert tree.links == {"inner": "sub"}


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert scan(tmp_path / "none").is_empty


def test_a_change_of_the_same_length_is_seen(folder: Path) -> None:
    before = scan(folder)
    (folder / "a").write_text("2")
    os.utime(folder / "a", ns=(0, before.files["a"][1] + 1))
    assert scan(folder) != before


def test_a_replaced_file_with_the_same_times_is_seen(folder: Path) -> None:
    before = scan(folder)
    (folder / "new").write_text("3")
    os.utime(folder / "new", ns=(0, before.files["a"][1]))
    (folder / "new").replace(folder / "a")
    assert scan(folder) != before


def test_freezing_takes_the_files_and_survives_their_removal(folder: Path, tmp_path: Path) -> None:
    freeze(folder, scan(folder), tmp_path / "copy")
    (folder / "a").unlink()
    assert (tmp_path / "copy/a").read_text() == "1"
    assert (tmp_path / "copy/sub/b").read_text() == "22"


def test_freezing_replaces_an_earlier_copy(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/old").write_text("old")
    freeze(folder, scan(folder), tmp_path / "copy")
    assert not (tmp_path / "copy/old").exists()


@pytest.mark.parametrize("change", ["gone", "more"])
def test_freezing_what_is_no_longer_so_fails(folder: Path, tmp_path: Path, change: str) -> None:
    tree = scan(folder)
    if change == "gone":
        (folder / "a").unlink()
    else:
        (folder / "c").write_text("3")
    with pytest.raises(FileChangedError):
        freeze(folder, tree, tmp_path / "copy")


def links_of(tmp_path: Path) -> dict[str, int]:
    return {name: (tmp_path / "copy" / name).stat().st_nlink for name in ("a", "sub/b")}


def test_small_files_are_copied_and_large_ones_linked(folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(file_tree, "COPIED_BYTES", 1)
    freeze(folder, scan(folder), tmp_path / "copy")
    assert links_of(tmp_path) == {"a": 1, "sub/b": 2}


def test_where_links_cannot_be_made_files_are_copied(folder: Path, tmp_path: Path, monkeypatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("cross-device link")

    monkeypatch.setattr(file_tree, "COPIED_BYTES", 0)
    monkeypatch.setattr(file_tree.os, "link", refuse)
    freeze(folder, scan(folder), tmp_path / "copy")
    assert (tmp_path / "copy/sub/b").read_text() == "22"
    assert links_of(tmp_path) == {"a": 1, "sub/b": 1}
