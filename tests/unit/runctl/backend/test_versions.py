"""Compare and swap means the same in a folder and in a bucket."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from support.backend_bucket import BucketClient, files_in

from runctl_auto.backend.files import FolderFiles
from runctl_auto.backend.versions import VersionedFiles

PATH = "runctl-claims/runctl/digits"


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> VersionedFiles:
    return FolderFiles(tmp_path / ".pulumi") if request.param == "folder" else files_in(BucketClient({}))


def test_a_write_succeeds_only_on_what_its_writer_has_read(files: VersionedFiles) -> None:
    assert files.read_version(PATH) is None
    first = files.write_version(PATH, b"1", None)
    assert first is not None
    assert files.write_version(PATH, b"other", None) is None
    second = files.write_version(PATH, b"2", first)
    assert second not in (None, first)
    assert files.write_version(PATH, b"other", first) is None
    found = files.read_version(PATH)
    assert found is not None
    assert (found.content, found.version) == (b"2", second)
    assert list(files.versioned("runctl-claims/runctl")) == [PATH]
    assert files.versioned("runctl-claims/nothing") == {}


def test_what_does_not_exist_is_not_replaced(files: VersionedFiles) -> None:
    assert files.write_version(PATH, b"1", "7" if isinstance(files, FolderFiles) else '"7"') is None


def test_many_writes_leave_few_files(tmp_path: Path) -> None:
    files, version = FolderFiles(tmp_path / ".pulumi"), None
    for number in range(20):
        version = files.write_version(PATH, str(number).encode(), version)
    assert version == "20"
    assert len(list((tmp_path / ".pulumi" / PATH).iterdir())) == 2


def write_at_once(
    text: str, files: FolderFiles, expected: str | None, start: threading.Barrier, won: list[str]
) -> None:
    start.wait()
    found = files.write_version(PATH, text.encode(), expected)
    if found is not None:
        won.append(found)


def test_of_many_that_write_at_once_one_succeeds(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / ".pulumi")
    version = files.write_version(PATH, b"0", None)
    for round_number in range(5):
        won: list[str] = []
        start = threading.Barrier(8)

        arguments = (files, version, start, won)
        threads = [
            threading.Thread(target=write_at_once, args=(f"{round_number} {number}", *arguments))
            for number in range(8)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(won) == 1
        version = won[0]


def test_a_writer_that_is_far_behind_is_refused_though_its_number_is_free(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / ".pulumi")
    first = version = files.write_version(PATH, b"0", None)
    for number in range(5):
        version = files.write_version(PATH, str(number).encode(), version)
    assert files.write_version(PATH, b"late", first) is None
    found = files.read_version(PATH)
    assert found is not None
    assert found.content == b"4"


def test_without_hard_links_a_file_is_made_exclusively(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    files = FolderFiles(tmp_path / ".pulumi")
    assert files.write_version(PATH, b"1", None) == "1"
    assert files.write_version(PATH, b"2", None) is None
    assert files.write_version(PATH, b"2", "1") == "2"


def test_a_backend_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FolderFiles(tmp_path / "not-mounted" / ".pulumi").write_version(PATH, b"1", None)
    assert not (tmp_path / "not-mounted").exists()


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    folder = tmp_path / ".pulumi" / PATH
    folder.mkdir(parents=True)
    (folder / "000000000001.json").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        FolderFiles(tmp_path / ".pulumi").read_version(PATH)


def test_a_write_to_a_bucket_whose_answer_was_lost_is_recognized() -> None:
    client = BucketClient({})
    client.loses_answers = 1
    files = files_in(client)
    version = files.write_version(PATH, b"mine", None)
    found = files.read_version(PATH)
    assert found is not None
    assert found.version == version
