from __future__ import annotations

import pytest

from runctl_auto.agent.file_tree import FileState, FileTree
from runctl_auto.agent.unfinished import being_written, looks_unfinished

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


def test_only_files_that_are_open_and_recent_are_being_written() -> None:
    tree = FileTree(
        {name: FileState(1, 1, inode=inode, device=7) for inode, name in enumerate(("a", "b", "c"))}
    )
    written = {(7, 0), (7, 2), (8, 1)}
    assert being_written(tree, None, written, lambda state: state.inode != 2) == ["a"]
    assert being_written(tree, FileTree(tree.files), written, lambda _: True) == []
