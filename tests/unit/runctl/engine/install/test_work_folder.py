"""Work folders are removed, also read-only ones and those that are still written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_auto.engine.install.work_folder import remove_tree


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_read_only_folders_are_removed(tmp_path: Path) -> None:
    inner = tmp_path / "work" / "module@v1" / "inner"
    inner.mkdir(parents=True)
    (inner / "file.go").touch(mode=0o444)
    inner.chmod(0o555)
    inner.parent.chmod(0o555)
    remove_tree(tmp_path / "work", lambda _seconds: None)
    assert not (tmp_path / "work").exists()


def test_a_missing_folder_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "work", lambda _seconds: None)


def test_a_folder_that_cannot_be_removed_is_an_error_after_some_attempts(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file", encoding="utf-8")
    pauses: list[float] = []
    with pytest.raises(NotADirectoryError):
        remove_tree(tmp_path / "work", pauses.append)
    assert pauses
