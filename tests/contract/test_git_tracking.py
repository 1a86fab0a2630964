"""What git itself writes is read as it means it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runctl_auto.local.git_index import is_tracked


def git(folder: Path, *arguments: str) -> None:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], cwd=folder, env=environ, check=True, capture_output=True)


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("hashes", ["sha1", "sha256"])
def test_a_folder_that_was_added_is_tracked_until_it_is_removed(
    tmp_path: Path, version: str, hashes: str
) -> None:
    git(tmp_path, "init", f"--object-format={hashes}")
    for name in (".ruff.toml", ".runctl.toml", ".runctl/claims/a.json", ".runctl/passphrase", "train.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    git(tmp_path, "add", ".ruff.toml", ".runctl.toml", "train.py")
    git(tmp_path, "update-index", "--index-version", version)
    assert not is_tracked(tmp_path / ".runctl")
    git(tmp_path, "add", "--intent-to-add", ".runctl/claims")
    assert is_tracked(tmp_path / ".runctl")
    git(tmp_path, "rm", "-r", "--cached", "-f", ".runctl")
    assert not is_tracked(tmp_path / ".runctl")
    git(tmp_path, "update-index", "--split-index")
    git(tmp_path, "add", "-f", ".runctl/passphrase")
    assert is_tracked(tmp_path / ".runctl")
