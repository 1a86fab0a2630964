"""Results at home are replaced as a whole; nothing is removed that was not fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runctl_auto.errors import UnfetchedArtifactsError
from runctl_auto.jobs.artifacts.fetched_folder import FetchedFolder
from runctl_auto.packaging.fetched_results import RECORD_FILE


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def fetch(home: Path, **files: str) -> None:
    folder = FetchedFolder(home)
    folder.finish()
    with folder.arriving() as (content, _):
        write(content, **files)
        record = [{"path": name.replace("__", "/")} for name in files]
        (content / RECORD_FILE).write_text(json.dumps(record))


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD_FILE
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "r1"


def test_what_is_no_longer_there_goes_and_own_files_stay(home: Path) -> None:
    fetch(home, a="1", deep__b="2", deep__c="3")
    write(home, mine="precious", deep__mine="precious")
    fetch(home, a="4", other="5")
    assert tree(home) == {"a": "4", "other": "5", "mine": "precious", "deep/mine": "precious"}
    assert [each.name for each in home.parent.iterdir()] == ["r1"]


def test_all_of_a_folder_that_was_never_fetched_stays(home: Path) -> None:
    write(home, a="mine", b="mine")
    fetch(home, a="1")
    assert tree(home) == {"a": "1", "a.before-1": "mine", "b": "mine"}


@pytest.mark.parametrize("record", ["", "{", "7", '[{"path": "../other"}]', '[{"path": "/x"}]', "[" * 99_999])
def test_a_record_that_names_other_places_removes_nothing(home: Path, record: str) -> None:
    write(home.parent, other="precious")
    write(home, a="mine")
    (home / RECORD_FILE).write_text(record)
    fetch(home, b="1")
    assert tree(home) == {"a": "mine", "b": "1"}
    assert (home.parent / "other").read_text() == "precious"


def test_own_files_where_a_file_arrives_and_links_stay(home: Path) -> None:
    write(home, a__mine="mine")
    (home / "link").symlink_to("/etc")
    fetch(home, a="1", link="2")
    assert tree(home) == {"a": "1", "a.mine": "mine", "link": "2"}
    assert (home / "link.before-1").readlink() == Path("/etc")


def test_nothing_changes_when_the_fetch_fails(home: Path) -> None:
    fetch(home, a="1")
    write(home, mine="precious")
    with pytest.raises(IsADirectoryError), FetchedFolder(home).arriving() as (content, _):
        content.write_text("no room")
    assert tree(home) == {"a": "1", "mine": "precious"}


@pytest.mark.parametrize("moved", [False, True])
def test_a_replacement_that_was_killed_is_finished(home: Path, *, moved: bool) -> None:
    fetch(home, a="1")
    write(home, mine="precious")
    home.rename(home.with_name(".r1.leaving"))
    if moved:
        write(home, a="2")
    FetchedFolder(home).finish()
    assert tree(home) == {"a": "2" if moved else "1", "mine": "precious"}
    assert [each.name for each in home.parent.iterdir()] == ["r1"]


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", mine="precious")
    home.parent.mkdir()
    home.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnfetchedArtifactsError, match="is a link"):
        fetch(home, a="1")
    assert tree(tmp_path / "elsewhere") == {"mine": "precious"}
