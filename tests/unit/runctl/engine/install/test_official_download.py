"""What is unpacked of an archive; the download itself is tested with a host."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from runctl_auto.engine.install.official_download import WrongArchiveError, unpack


def packed(*members: tarfile.TarInfo) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for each in members:
            each.size = 2 if each.isreg() else 0
            archive.addfile(each, io.BytesIO(b"ok") if each.isreg() else None)
    stream.seek(0)
    return stream


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, target, 0o4777
    return made


def test_programs_are_unpacked_without_their_folder(tmp_path: Path) -> None:
    unpack(
        packed(member("pulumi", tarfile.DIRTYPE), member("pulumi/pulumi"), member("pulumi/other")),
        tmp_path / "bin",
    )
    assert sorted(each.name for each in (tmp_path / "bin").iterdir()) == ["other", "pulumi"]
    assert stat.S_IMODE((tmp_path / "bin" / "pulumi").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "wrong",
    [
        member("../pulumi"),
        member("/pulumi/pulumi"),
        member("pulumi/.."),
        member("pulumi/../../pulumi"),
        member("pulumi/deep/pulumi"),
        member("pulumi"),
        member("other/pulumi"),
        member("pulumi/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("pulumi/link", tarfile.LNKTYPE, "pulumi/pulumi"),
        member("pulumi/pipe", tarfile.FIFOTYPE),
        member("pulumi/device", tarfile.CHRTYPE),
    ],
    ids=lambda each: f"{each.name} {each.type!r}",
)
def test_anything_else_is_refused(tmp_path: Path, wrong: tarfile.TarInfo) -> None:
    with pytest.raises(WrongArchiveError, match="no program of Pulumi"):
        unpack(packed(wrong), tmp_path / "bin")
    assert list(tmp_path.rglob("*")) == [tmp_path / "bin"]


def test_a_program_that_comes_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        unpack(packed(member("pulumi/pulumi"), member("pulumi/pulumi")), tmp_path / "bin")
