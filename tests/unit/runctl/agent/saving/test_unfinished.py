from __future__ import annotations

import pytest

from runctl_auto.agent.saving.file_tree import FileState, FileTree
from runctl_auto.agent.saving.unfinished import RECENT_SECONDS, OpenFiles, looks_unfinished, unfinished

BEFORE = {"ckpt.json": FileState(100, 1, inode=5)}


@pytest.mark.parametrize(
    ("path", "state", "unfinished"),
    [
        ("ckpt.json", FileState(40, 2, inode=5), True),  # truncated and being filled
        ("ckpt.json", FileState(100, 2, inode=6), True),  # another file in its place
        ("step-5/model.pt", FileState(40, 2, inode=9), True),  # new
        ("ckpt.json", FileState(140, 2, inode=5), False),  # has grown
        ("ckpt.json", FileState(100, 2, inode=5), False),  # a database, written in many places
        ("train.log", FileState(40, 2, inode=9), False),
        ("tb/events.out.tfevents.17.host", FileState(40, 2, inode=9), False),
        ("model.pt.tmp", FileState(40, 2, inode=9), False),
        ("tmp-checkpoint-500/model.bin", FileState(40, 2, inode=9), False),
        ("model.pt.tmp.4711", FileState(40, 2, inode=9), False),
        ("metrics.CSV", FileState(40, 2, inode=9), False),
    ],
)
def test_what_looks_half_written(path: str, state: FileState, unfinished: bool) -> None:
    assert looks_unfinished(path, state, BEFORE) is unfinished


SECOND = 1_000_000_000


def files(**sizes: int) -> FileTree:
    """Files that changed at second 0; inodes are their positions."""
    return FileTree(
        {name: FileState(size, 0, number, device=7) for number, (name, size) in enumerate(sizes.items())}
    )


def test_only_files_that_are_open_are_being_written(clock) -> None:
    clock.now = 1.0
    opened = OpenFiles(clock)
    assert opened.being_written(files(a=1, b=1), None, {(7, 0), (8, 1)}) == ["a"]
    assert opened.being_written(files(a=1, b=1), files(a=1, b=1), {(7, 0)}) == []


def test_a_file_at_rest_is_not_being_written(clock) -> None:
    clock.now = RECENT_SECONDS + 1
    assert OpenFiles(clock).being_written(files(a=1), None, {(7, 0)}) == []


@pytest.mark.parametrize(("shrinks", "written"), [(False, []), (True, ["a"])])
def test_one_that_stays_open_and_does_not_shrink_for_long_is_a_log(
    clock, shrinks: bool, written: list[str]
) -> None:
    opened = OpenFiles(clock)
    for number in range(14):
        clock.now = 10.0 * number
        size = 100 - number if shrinks else 100 + number
        state = FileState(size, int(clock.now) * SECOND, 0, device=7)
        found = opened.being_written(FileTree({"a": state}), None, {(7, 0)})
        assert number > 12 or found == ["a"]
    assert found == written


def test_what_is_concerned_and_looks_half_written() -> None:
    tree = files(a=1, b=1)
    assert unfinished(tree, None, lambda state: state.inode == 1) == ["b"]
