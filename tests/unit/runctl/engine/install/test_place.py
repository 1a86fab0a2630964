"""Where the engine belongs, and what counts as installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import engine_place, installed, write_record


def test_place_follows_the_persons_data_folder(tmp_path: Path) -> None:
    place = engine_place({"XDG_DATA_HOME": str(tmp_path), "HOME": "/home/ada"})
    assert place.root == tmp_path / "runctl" / "engines" / pinned_version()
    assert place.work.parent == place.root.parent


@pytest.mark.parametrize("data", ["", "relative/folder"])
def test_place_is_in_the_home_folder_by_default(data: str) -> None:
    place = engine_place({"XDG_DATA_HOME": data, "HOME": "/home/ada"})
    assert place.folder == Path("/home/ada/.local/share/runctl/engines")


def _engine(data: Path, version: str | None = None) -> Path:
    root = engine_place({"XDG_DATA_HOME": str(data)}).root
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "pulumi").write_bytes(b"engine")
    (root / "bin" / "pulumi").chmod(0o755)
    write_record(root, version or pinned_version(), {"how": "build"})
    return root


def test_a_whole_engine_is_installed(tmp_path: Path) -> None:
    root = _engine(tmp_path)
    assert installed({"XDG_DATA_HOME": str(tmp_path)}) == root


def test_nothing_is_installed_at_first(tmp_path: Path) -> None:
    assert installed({"XDG_DATA_HOME": str(tmp_path)}) is None


def test_an_engine_cut_short_is_not_installed(tmp_path: Path) -> None:
    (_engine(tmp_path) / "bin" / "pulumi").write_bytes(b"eng")
    assert installed({"XDG_DATA_HOME": str(tmp_path)}) is None


def test_an_engine_that_cannot_be_executed_is_not_installed(tmp_path: Path) -> None:
    (_engine(tmp_path) / "bin" / "pulumi").chmod(0o644)
    assert installed({"XDG_DATA_HOME": str(tmp_path)}) is None


def test_an_engine_recorded_as_another_version_is_not_installed(tmp_path: Path) -> None:
    _engine(tmp_path, version="v3.0.0")
    assert installed({"XDG_DATA_HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_a_damaged_record_is_no_installation(tmp_path: Path, text: str) -> None:
    (_engine(tmp_path) / "engine.json").write_text(text, encoding="utf-8")
    assert installed({"XDG_DATA_HOME": str(tmp_path)}) is None
