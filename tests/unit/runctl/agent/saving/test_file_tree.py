from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runctl_auto.agent.saving.file_tree import FileTree, scan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "f/sub").mkdir(parents=True)
    (tmp_path / "f/a").write_text("1")
    (tmp_path / "f/sub/b").write_text("22")
    return tmp_path / "f"


def problems(tree: FileTree) -> dict[str, str]:
    return {problem.path: problem.why for problem in tree.left_out}


def test_a_scan_sees_files_folders_and_inner_links(folder: Path) -> None:
    (folder / "empty/deep").mkdir(parents=True)
    (folder / "inner").symlink_to("sub")
    (folder / "to-itself").symlink_to("to-itself")
    (folder / "sub/up").symlink_to("../a")
    tree = scan(folder)
    assert {path: state.size for path, state in tree.files.items()} == {"a": 1, "sub/b": 2}
    assert list(tree.folders) == ["empty", "empty/deep", "sub"]
    assert tree.links == {"inner": "sub", "to-itself": "to-itself", "sub/up": "../a"}
    assert tree.left_out == ()


def test_absolute_links_that_stay_inside_are_relative_to_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "latest").symlink_to(folder / "sub")
    (tmp_path / "other-name").symlink_to(folder)
    through_another_name = scan(tmp_path / "other-name")
    assert scan(folder).absolute_links == through_another_name.absolute_links == {"latest": "sub"}


def test_what_cannot_be_saved_is_named(folder: Path) -> None:
    (folder / "outer").symlink_to("/etc/passwd")
    (folder / "climbing").symlink_to("../../x")
    (folder / "beside").symlink_to(f"{folder}-other/a")
    os.mkfifo(folder / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(os.path.relpath(folder / "sub/sock"))
    listening.close()
    (folder / "line\nbreak").write_text("x")
    (folder / "bell\a").write_text("x")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_text("x")
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff/deep")).mkdir(parents=True)
    tree = scan(folder)
    assert set(tree.files) == {"a", "sub/b"}
    assert set(tree.folders) == {"sub"}
    assert problems(tree) == {
        "bad\\xff": "has a name that is not UTF-8; nothing in this folder is saved",
        "bell\\x07": "has a control character in its name",
        "beside": f"is a link that leads out of the folder: {folder}-other/a",
        "caf\\xe9.txt": "has a name that is not UTF-8",
        "climbing": "is a link that leads out of the folder: ../../x",
        "line\\nbreak": "has a line break in its name",
        "outer": "is a link that leads out of the folder: /etc/passwd",
        "pipe": "is a pipe",
        "sub/sock": "is a socket",
    }


def test_odd_names_that_can_be_saved_are(folder: Path) -> None:
    names = [
        "a b",
        "ü",
        "50%+#?&=",
        "tab\there",
        "-rf",
        "*.txt",
        "trailing ",
        "\\back",
        "e\u0301",
        "~x",
        "..d",
    ]
    for name in names:
        (folder / name).write_text("x")
    tree = scan(folder)
    assert set(tree.files) == {"a", "sub/b", *names}
    assert tree.left_out == ()


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert scan(tmp_path / "none").is_empty


def test_a_change_of_the_same_length_is_seen(folder: Path) -> None:
    before = scan(folder)
    (folder / "a").write_text("2")
    os.utime(folder / "a", ns=(0, before.files["a"].mtime_ns + 1))
    assert scan(folder) != before


def test_a_replaced_file_with_the_same_times_is_seen(folder: Path) -> None:
    before = scan(folder)
    (folder / "new").write_text("3")
    os.utime(folder / "new", ns=(0, before.files["a"].mtime_ns))
    (folder / "new").replace(folder / "a")
    assert scan(folder) != before


def test_another_mode_and_another_folder_are_changes_but_not_a_folders_time(folder: Path) -> None:
    before = scan(folder)
    os.utime(folder / "sub", (1, 1))
    assert scan(folder) == before
    (folder / "a").chmod(0o755)
    assert scan(folder) != before
    (folder / "a").chmod(before.files["a"].mode)
    (folder / "more").mkdir()
    assert scan(folder) != before


def test_sparse_files_are_seen(folder: Path) -> None:
    with (folder / "holes").open("wb") as file:
        file.truncate(1_000_000)
    tree = scan(folder)
    assert tree.files["holes"].is_sparse
    assert not tree.files["a"].is_sparse
