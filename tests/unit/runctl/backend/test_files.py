"""The files of a backend: which backends have them, and what a folder tells."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from unittest import mock

import pytest

from runctl_auto.backend.files import BackendFiles, FolderFiles, backend_folder, open_files
from runctl_auto.errors import NotSupportedError


def put(root: Path, path: str, content: bytes = b"x") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def found(root: Path, folder: str, prefix: str = "") -> list[str]:
    return [each.path for each in FolderFiles(root).find(folder, prefix)]


def test_files_at_any_depth_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for path in ("locks/b/2.json", "locks/b/1.json", "locks/a.json", "other/c.json", "locks/b/1.json.attrs"):
        put(tmp_path, path)
    assert found(tmp_path, "locks") == ["locks/a.json", "locks/b/1.json", "locks/b/2.json"]
    assert found(tmp_path, "locks", "b/1") == ["locks/b/1.json"]
    assert found(tmp_path, "absent") == []


def test_when_a_file_was_written(tmp_path: Path) -> None:
    file = put(tmp_path, "stacks/a.json")
    os.utime(file, (60.5, 60.5))
    (only,) = FolderFiles(tmp_path).find("stacks")
    assert (only.name, only.written_at) == ("a.json", datetime.fromtimestamp(60.5, tz=timezone.utc))


def test_a_file_is_read_and_removed_with_its_attributes(tmp_path: Path) -> None:
    put(tmp_path, "a/b.json", b"text")
    put(tmp_path, "a/b.json.attrs")
    files = FolderFiles(tmp_path)
    assert files.read("a/b.json") == b"text"
    assert files.address("a/b.json") == str(tmp_path / "a" / "b.json")
    files.remove("a/b.json")
    files.remove("a/b.json")
    assert files.read("a/b.json") is None
    assert list((tmp_path / "a").iterdir()) == []


def test_a_file_is_written_whole_and_a_link_is_replaced(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / "state")
    elsewhere = put(tmp_path, "elsewhere", b"mine")
    files.write("a/b.json", b"first")
    (tmp_path / "state" / "a" / "c.json").symlink_to(elsewhere)
    for name in ("a/b.json", "a/c.json"):
        files.write(name, b"second")
        assert files.read(name) == b"second"
    assert elsewhere.read_bytes() == b"mine"
    assert found(tmp_path / "state", "a") == ["a/b.json", "a/c.json"], "nothing else is left"


def test_one_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    put(tmp_path, "a", b"1")
    put(tmp_path, "c/d", b"2")
    files = FolderFiles(tmp_path)
    assert list(files.read_all(["a", "b", "c", "c/d"])) == [b"1", None, None, b"2"]
    with pytest.raises(OSError, match="c"):
        files.read("c")


def test_the_folder_of_a_url(tmp_path: Path) -> None:
    spaced = tmp_path / "a b"
    assert backend_folder(spaced.as_uri()) == spaced
    assert backend_folder("file://localhost/a%20b?no_tmp_dir=true") == Path("/a b")
    assert open_files(spaced.as_uri(), None) == FolderFiles(spaced / ".pulumi")


@pytest.mark.parametrize("url", ["", "https://api.pulumi.com", "gs://states", "file://~", "file://./x"])
def test_other_backends_have_no_files(url: str) -> None:
    assert backend_folder(url) is None
    opener = mock.Mock(spec=["__call__"])
    with pytest.raises(NotSupportedError, match="without its engine"):
        open_files(url, opener)
    opener.assert_not_called()


def test_a_bucket_is_opened_by_who_can() -> None:
    files = mock.create_autospec(BackendFiles, instance=True)
    opener = mock.Mock(spec=["__call__"], return_value=files)
    assert open_files("s3://states/team", opener) is files
    opener.assert_called_once_with("s3://states/team")
    with pytest.raises(NotSupportedError):
        open_files("s3://states", None)
