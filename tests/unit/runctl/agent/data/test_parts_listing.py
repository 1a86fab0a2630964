"""The code of a large work folder, fetched in parts."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.data.code_package import fetch_code
from runctl_auto.agent.data.parts_listing import parts_in
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.packages import package_key


def archive(mode: str, *files: tuple[str, bytes], link: tuple[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as made:  # type: ignore[call-overload]
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo(link[0])
            info.type, info.linkname = tarfile.SYMTYPE, link[1]
            made.addfile(info)
    return buffer.getvalue()


class Parts:
    """Parts in a store, and the package that lists them."""

    def __init__(self, store: MemoryStore, *parts: bytes, link: tuple[str, str] | None = None) -> None:
        self.store = store
        self.listing = [{"sha256": hashlib.sha256(each).hexdigest(), "bytes": len(each)} for each in parts]
        for told, content in zip(self.listing, parts, strict=True):
            store.objects[package_key("part", str(told["sha256"]))] = content
        self.link = link

    def fetch(self, work: Path) -> bool:
        content = json.dumps(self.listing).encode()
        package = archive("w:gz", (".runctl/parts.json", content), link=self.link)
        self.store.objects["code/x.tar.gz"] = package
        return fetch_code(self.store, "code/x.tar.gz", hashlib.sha256(package).hexdigest(), work)


def test_files_of_all_parts_and_links_of_the_package_are_there(store, tmp_path: Path) -> None:
    one, two = archive("w:", ("a/b", b"1"), ("c", b"2")), archive("w:", ("a/d", b"3"))
    assert Parts(store, one, two, link=("l", "a/b")).fetch(tmp_path / "work")
    found = {
        path.relative_to(tmp_path / "work").as_posix(): path.read_bytes()
        for path in (tmp_path / "work").rglob("*")
        if path.is_file()
    }
    assert found == {"a/b": b"1", "a/d": b"3", "c": b"2", "l": b"1"}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["code.sha256", "work"]


def test_a_part_with_other_bytes_is_refused_and_nothing_of_it_runs(store, tmp_path: Path) -> None:
    parts = Parts(store, archive("w:", ("a", b"1")))
    key = package_key("part", str(parts.listing[0]["sha256"]))
    store.objects[key] = store.objects[key].replace(b"1", b"2")
    with pytest.raises(IntegrityError, match="sha256"):
        parts.fetch(tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_a_part_that_is_not_there_is_an_error(store, tmp_path: Path) -> None:
    parts = Parts(store, archive("w:", ("a", b"1")))
    del store.objects[package_key("part", str(parts.listing[0]["sha256"]))]
    with pytest.raises(AgentError):
        parts.fetch(tmp_path / "work")


@pytest.mark.parametrize("second", [("a", b"2"), ("../x", b"2"), ("l/x", b"2")])
def test_a_part_writes_over_nothing_and_nowhere_else(
    store, tmp_path: Path, second: tuple[str, bytes]
) -> None:
    parts = Parts(store, archive("w:", ("a", b"1")), archive("w:", second), link=("l", "m"))
    with pytest.raises(AgentError):
        parts.fetch(tmp_path / "work")
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "listing",
    [
        b"",
        b"{}",
        b"[1]",
        b'[{"sha256": "a", "bytes": 1}]',
        json.dumps([{"sha256": "a" * 64, "bytes": -1}]).encode(),
        json.dumps([{"sha256": "a" * 64, "bytes": True}]).encode(),
        json.dumps([{"sha256": "a" * 64, "bytes": 1}] * 10_001).encode(),
    ],
)
def test_what_is_no_list_of_parts(listing: bytes) -> None:
    with pytest.raises(ValueError, match=r"list of parts|Expecting"):
        parts_in(listing)
