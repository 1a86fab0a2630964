"""The code's own files in the checkpoint folder: set aside, and laid under what is there."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.agent.saving.own_files import OLDEST_SECONDS, OwnFiles


def put(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def aside(tmp_path: Path, part: str = "ck") -> OwnFiles:
    own = OwnFiles(tmp_path / "aside", part)
    draft = tmp_path / "draft"
    put(draft / "ck" / "a", "own a").chmod(0o755)
    put(draft / "ck" / "deep" / "b", "own b")
    (draft / "ck" / "link").symlink_to("deep/b")
    put(draft / "train.py", "x")
    own.set_aside(draft)
    assert (draft / "train.py").exists()
    return own


def test_what_is_missing_is_laid_under(tmp_path: Path) -> None:
    own = aside(tmp_path)
    folder = tmp_path / "folder"
    put(folder / "deep" / "b", "saved b")
    assert own.lay_under(folder, as_oldest=True) == 2
    assert (folder / "deep" / "b").read_text() == "saved b"
    assert (folder / "a").read_text() == "own a"
    assert (folder / "a").stat().st_mode & 0o777 == 0o755
    assert (folder / "a").stat().st_mtime == OLDEST_SECONDS
    assert (folder / "link").readlink() == Path("deep/b")
    assert own.lay_under(folder, as_oldest=True) == 0


def test_nothing_is_written_through_a_link_or_over_a_file(tmp_path: Path) -> None:
    own = aside(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    linked, blocked = tmp_path / "linked", tmp_path / "blocked"
    linked.mkdir()
    (linked / "deep").symlink_to(outside)
    put(blocked / "deep", "a file")
    assert own.lay_under(linked, as_oldest=False) == 2
    assert list(outside.iterdir()) == []
    assert own.lay_under(blocked, as_oldest=False) == 2
    assert (blocked / "deep").read_text() == "a file"


def test_files_of_an_earlier_package_are_dropped(tmp_path: Path) -> None:
    own = aside(tmp_path)
    (tmp_path / "next").mkdir()
    own.set_aside(tmp_path / "next")
    assert own.lay_under(tmp_path / "folder", as_oldest=False) == 0


def test_a_folder_that_was_never_set_aside_lays_nothing(tmp_path: Path) -> None:
    assert OwnFiles(tmp_path / "none", "ck").lay_under(tmp_path / "folder", as_oldest=False) == 0
