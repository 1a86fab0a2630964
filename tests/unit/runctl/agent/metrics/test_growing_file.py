from __future__ import annotations

import os
from pathlib import Path

from runctl_auto.agent.metrics.growing_file import GrowingText


def test_whole_lines_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "a"
    text = GrowingText(path)
    assert text.new_lines() == b""
    path.write_bytes(b"one\ntwo\rthr")
    assert text.new_lines() == b"one\ntwo\r"
    assert text.new_lines() == b""
    with path.open("ab") as file:
        file.write(b"ee\nfour")
    assert text.new_lines() == b"three\n"
    assert text.new_lines(final=True) == b"four"


def test_a_file_that_became_shorter_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\ntwo\n")
    text = GrowingText(path)
    text.new_lines()
    path.write_bytes(b"new\n")
    assert text.new_lines() == b"new\n"


def test_what_was_there_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\n")
    text = GrowingText(path, from_its_end=True)
    assert text.new_lines() == b""
    path.write_bytes(b"one\ntwo\n")
    text.to_its_end()
    assert text.new_lines() == b""


def test_of_too_much_the_last_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a line of many\n" * 5 + b"last\n")
    text = GrowingText(path, most=20)
    assert text.new_lines() == b"last\n"
    path.write_bytes(path.read_bytes() + b"x" * 19)
    assert text.new_lines() == b"x" * 19, "a line without an end is not kept for ever"
    assert text.new_lines() == b""


def test_links_pipes_and_folders_are_no_texts(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"one\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "."):
        assert GrowingText(tmp_path / name).new_lines() == b""
