"""What git tracks, from an index of each version; a broken one tells of nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.git_indexes import index_of, write_index

from runctl_auto.local.git_index import is_tracked

OTHERS = [".gitignore", ".runctl.toml", ".runctlignore", "a/.runctl/x", "src/train.py", "x" * 5000]
VERSIONS = pytest.mark.parametrize("version", [2, 3, 4])


@VERSIONS
@pytest.mark.parametrize("sha256", [False, True])
@pytest.mark.parametrize("name", [".runctl/passphrase", ".runctl", ".RunCtl/claims/a.json", ".runctl/sub/b"])
def test_a_folder_in_the_index_is_tracked(tmp_path: Path, version: int, sha256: bool, name: str) -> None:
    write_index(tmp_path, [*OTHERS, name], version=version, sha256=sha256)
    assert is_tracked(tmp_path / ".runctl")
    assert is_tracked(tmp_path / "a" / ".runctl")
    write_index(tmp_path, OTHERS, version=version, sha256=sha256)
    assert not is_tracked(tmp_path / ".runctl")


@VERSIONS
def test_names_in_capitals_before_it_hide_nothing(tmp_path: Path, version: int) -> None:
    """The index is sorted by bytes: `.Zeta` comes before `.runctl`."""
    write_index(tmp_path, [".Zeta", "A/x", ".runctl/passphrase"], version=version)
    assert is_tracked(tmp_path / ".runctl")


@VERSIONS
def test_a_project_may_be_below_the_repository(tmp_path: Path, version: int) -> None:
    write_index(tmp_path, ["a.py", "team/exp/.runctl/state/x", "z.py"], version=version)
    assert is_tracked(tmp_path / "team" / "exp" / ".runctl")
    assert not is_tracked(tmp_path / "team" / ".runctl")
    assert not is_tracked(tmp_path / ".runctl")


def test_a_worktree_and_a_split_index_are_read(tmp_path: Path) -> None:
    index = write_index(tmp_path / "main", ["a"])
    tree, own = tmp_path / "tree", tmp_path / "main" / ".git" / "worktrees" / "tree"
    own.mkdir(parents=True)
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    (own / "index").write_bytes(index_of([b".runctl/x"]))
    assert is_tracked(tree / ".runctl")
    assert not is_tracked(tmp_path / "main" / ".runctl")
    index.with_name("sharedindex.0123").write_bytes(index_of([b".runctl/x"]))
    assert is_tracked(tmp_path / "main" / ".runctl")


def test_outside_repositories_nothing_is_tracked(tmp_path: Path) -> None:
    assert not is_tracked(tmp_path / ".runctl")
    (tmp_path / ".git").mkdir()
    assert not is_tracked(tmp_path / ".runctl")


@given(cut=st.integers(0, 400), noise=st.binary(max_size=40), version=st.integers(0, 9))
def test_a_broken_index_is_no_error(
    cut: int, noise: bytes, version: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "broken-index"
    index = write_index(folder, [*OTHERS, ".runctl/x"], version=version if version in (2, 3, 4) else 2)
    content = index.read_bytes()
    index.write_bytes(content[:cut] + noise)
    assert is_tracked(folder / ".runctl") in (True, False)
