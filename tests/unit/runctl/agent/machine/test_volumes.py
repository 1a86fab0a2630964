from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from runctl_auto.agent.errors import VolumeError
from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.agent.machine.volumes import Volumes
from runctl_auto.agent.spec import VolumeSpec
from runctl_auto.agent.start.layout import Layout

DATA = VolumeSpec("data", "vol-0abc", "/data")


class Programs:
    """Remembers calls; answers by program name, in order when there are several answers."""

    def __init__(self, **answers: list[int]) -> None:
        self.answers = {name.replace("_", "."): codes for name, codes in answers.items()}
        self.calls: list[tuple[str, ...]] = []
        self.outputs: dict[str, str] = {}
        """What the programs print that are asked for the size or the type of a device."""

    def holds(self, kind: str, gigabytes: int) -> None:
        self.outputs = {"SIZE": str(gigabytes << 30), "TYPE": kind}

    def __call__(self, argv: Sequence[str], timeout: float) -> ProgramResult:
        self.calls.append(tuple(argv))
        codes = self.answers.get(argv[0], [0])
        output = self.outputs.get(argv[-2] if argv[0] != "mount" else "", f"{argv[0]} says no")
        return ProgramResult(codes.pop(0) if len(codes) > 1 else codes[0], output)

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = Layout(tmp_path).volume_device("vol-0abc")
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def make(tmp_path: Path, programs: Programs, said: list[str], clock) -> Volumes:
    return Volumes(Layout(tmp_path), programs, said.append, clock, clock.wait)


def test_the_device_is_found_by_volume_id(tmp_path: Path) -> None:
    assert Layout(Path("/")).volume_device("vol-0abc") == Path(
        "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc"
    )


def test_a_blank_volume_is_formatted_then_mounted(tmp_path, device, said, clock) -> None:
    programs = Programs(blkid=[2])
    assert make(tmp_path, programs, said, clock).mount_all([DATA]) == {"data": tmp_path / "data"}
    assert programs.calls == [
        ("blkid", "-p", str(device)),
        ("mkfs.ext4", "-q", str(device)),
        ("mount", str(device), str(tmp_path / "data")),
        ("lsblk", "-b", "-n", "-d", "-o", "SIZE", str(device)),
    ]
    assert (tmp_path / "data").is_dir()


def test_a_volume_that_holds_something_is_never_formatted(tmp_path, device, said, clock) -> None:
    programs = Programs(blkid=[0])
    make(tmp_path, programs, said, clock).mount_all([DATA])
    assert programs.names()[:2] == ["blkid", "mount"]
    assert "mkfs.ext4" not in programs.names()


@pytest.mark.parametrize("code", [1, 4, 8, 124, 127])
def test_when_in_doubt_nothing_is_formatted(tmp_path, device, said, clock, code: int) -> None:
    programs = Programs(blkid=[code])
    with pytest.raises(VolumeError, match="cannot tell what volume data"):
        make(tmp_path, programs, said, clock).mount_all([DATA])
    assert programs.names() == ["blkid"]


def test_a_volume_is_waited_for(tmp_path, said, clock) -> None:
    device = Layout(tmp_path).volume_device("vol-0abc")

    def wait(seconds: float) -> None:
        clock.wait(seconds)
        if len(clock.waits) == 3:
            device.parent.mkdir(parents=True)
            device.touch()

    Volumes(Layout(tmp_path), Programs(), said.append, clock, wait).mount_all([DATA])
    assert len(clock.waits) == 3


def test_a_volume_that_never_comes_is_an_error(tmp_path, said, clock) -> None:
    with pytest.raises(VolumeError, match=r"vol-0abc.*did not appear.*within 300 s"):
        make(tmp_path, Programs(), said, clock).mount_all([DATA])
    assert 300 <= sum(clock.waits) < 302


def test_what_a_dead_agent_left_mounted_is_mounted_anew(tmp_path, device, said, clock) -> None:
    programs = Programs(mount=[32, 0])
    make(tmp_path, programs, said, clock).mount_all([DATA])
    assert programs.names() == ["blkid", "mount", "umount", "mount", "lsblk"]


def test_a_volume_that_cannot_be_mounted_is_an_error(tmp_path, device, said, clock) -> None:
    with pytest.raises(VolumeError, match="cannot be mounted at /data: mount says no"):
        make(tmp_path, Programs(mount=[32]), said, clock).mount_all([DATA])


def test_a_failed_format_is_an_error(tmp_path, device, said, clock) -> None:
    programs = Programs(blkid=[2], mkfs_ext4=[1])
    with pytest.raises(VolumeError, match="cannot be formatted"):
        make(tmp_path, programs, said, clock).mount_all([DATA])
    assert "mount" not in programs.names()


def test_volumes_are_unmounted_in_reverse_even_when_one_resists(tmp_path, device, said, clock) -> None:
    other = Layout(tmp_path).volume_device("vol-2")
    other.touch()
    programs = Programs(umount=[32, 0])
    volumes = make(tmp_path, programs, said, clock)
    volumes.mount_all([DATA, VolumeSpec("more", "vol-2", "/data/more")])
    volumes.unmount_all()
    volumes.unmount_all()
    assert [call for call in programs.calls if call[0] == "umount"] == [
        ("umount", str(tmp_path / "data/more")),
        ("umount", str(tmp_path / "data")),
    ]
    assert any("could not unmount" in text for text in said)


class TestGrowing:
    @pytest.mark.parametrize("kind", ["ext4", "ext3", "xfs"])
    def test_a_file_system_is_grown_to_its_volume_once_it_is_mounted(
        self, tmp_path, device, said, clock, kind: str
    ) -> None:
        programs = Programs()
        programs.holds(kind, 20)
        make(tmp_path, programs, said, clock).mount_all([DATA])
        grow = ("xfs_growfs", str(tmp_path / "data")) if kind == "xfs" else ("resize2fs", str(device))
        assert programs.calls[-1] == grow
        assert programs.names().index("mount") < len(programs.calls) - 1

    def test_a_volume_that_became_larger_is_grown_again_and_only_then(
        self, tmp_path, device, said, clock
    ) -> None:
        programs = Programs()
        programs.holds("ext4", 20)
        volumes = make(tmp_path, programs, said, clock)
        volumes.mount_all([DATA])
        volumes.grow_all()
        assert programs.names().count("resize2fs") == 1
        programs.holds("ext4", 30)
        volumes.grow_all()
        volumes.grow_all()
        assert programs.names().count("resize2fs") == 2

    def test_another_kind_of_file_system_is_let_alone(self, tmp_path, device, said, clock) -> None:
        programs = Programs()
        programs.holds("btrfs", 20)
        make(tmp_path, programs, said, clock).mount_all([DATA])
        assert not {"resize2fs", "xfs_growfs"} & set(programs.names())

    def test_what_cannot_be_grown_is_said_once_and_used_as_it_is(self, tmp_path, device, said, clock) -> None:
        programs = Programs(resize2fs=[1])
        programs.holds("ext4", 20)
        volumes = make(tmp_path, programs, said, clock)
        assert volumes.mount_all([DATA]) == {"data": tmp_path / "data"}
        volumes.grow_all()
        assert len([text for text in said if "could not grow the file system of volume data" in text]) == 1

    def test_what_is_unmounted_is_not_grown(self, tmp_path, device, said, clock) -> None:
        programs = Programs()
        programs.holds("ext4", 20)
        volumes = make(tmp_path, programs, said, clock)
        volumes.mount_all([DATA])
        volumes.unmount_all()
        programs.holds("ext4", 30)
        volumes.grow_all()
        assert programs.names().count("resize2fs") == 1
