from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.data.code_package import fetch_code
from runctl_auto.agent.errors import IntegrityError

KEY = "code/x.tar.gz"


def entry(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def package(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, data in entries:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def fetch(store: MemoryStore, data: bytes, work: Path) -> bool:
    store.objects[KEY] = data
    return fetch_code(store, KEY, hashlib.sha256(data).hexdigest(), work)


def test_code_is_unpacked_with_modes_and_inner_links(store, tmp_path: Path) -> None:
    data = package(
        (entry(".", type=tarfile.DIRTYPE), b""),
        (entry("run.sh", mode=0o755), b"#!"),
        (entry("src/deep/a.py", mode=0o4644), b"a"),
        (entry("empty", type=tarfile.DIRTYPE), b""),
        (entry("src/link", type=tarfile.SYMTYPE, linkname="../run.sh"), b""),
    )
    assert fetch(store, data, tmp_path / "work")
    work = tmp_path / "work"
    assert (work / "run.sh").stat().st_mode & 0o7777 == 0o755
    assert (work / "src/deep/a.py").stat().st_mode & 0o7777 == 0o644
    assert (work / "src/link").read_bytes() == b"#!"
    assert (work / "empty").is_dir()


def test_code_that_is_there_stays_with_what_the_job_added(store, tmp_path: Path) -> None:
    data = package((entry("a"), b"1"))
    fetch(store, data, tmp_path / "work")
    (tmp_path / "work/venv").write_text("made by setup")
    store.objects.clear()
    assert not fetch_code(store, KEY, hashlib.sha256(data).hexdigest(), tmp_path / "work")
    assert (tmp_path / "work/venv").exists()


def test_other_code_replaces_it(store, tmp_path: Path) -> None:
    fetch(store, package((entry("a"), b"1")), tmp_path / "work")
    assert fetch(store, package((entry("b"), b"2")), tmp_path / "work")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["b"]


def test_another_package_than_asked_for_is_refused(store, tmp_path: Path) -> None:
    store.objects[KEY] = b"something"
    with pytest.raises(IntegrityError, match="expected 0000"):
        fetch_code(store, KEY, "0000", tmp_path / "work")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    "hostile",
    [
        [(entry("../escaped"), b"x")],
        [(entry("/escaped"), b"x")],
        [(entry("link", type=tarfile.SYMTYPE, linkname="../.."), b"")],
        [(entry("link", type=tarfile.SYMTYPE, linkname="/etc"), b"")],
        [(entry("d", type=tarfile.SYMTYPE, linkname="sub"), b""), (entry("d/file"), b"x")],
        [(entry("a"), b"x"), (entry("hard", type=tarfile.LNKTYPE, linkname="a"), b"")],
        [(entry("pipe", type=tarfile.FIFOTYPE), b"")],
        [(entry("device", type=tarfile.CHRTYPE), b"")],
        [(entry("a"), b"1"), (entry("a"), b"2")],
    ],
)
def test_a_hostile_package_is_refused(store, tmp_path: Path, hostile) -> None:
    with pytest.raises(IntegrityError):
        fetch(store, package(*hostile), tmp_path / "deep/work")
    assert not (tmp_path / "deep/work").exists()
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "deep/escaped").exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", package((entry("a"), b"x" * 5000))[:60]],
    ids=["empty", "something else", "cut off"],
)
def test_a_broken_package_is_refused(store, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(IntegrityError):
        fetch(store, data, tmp_path / "work")
