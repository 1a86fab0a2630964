"""Mounts, file systems and devices of a host."""

import json

import pytest

from sandbox.hosts.guest import block_programs, mount_programs, mounts
from sandbox.hosts.guest.block_devices import DeviceError, find_device
from sandbox.hosts.guest.layout import BY_ID_PREFIX, HostLayout


@pytest.fixture
def layout(tmp_path, monkeypatch):
    root = tmp_path / "root"
    layout = HostLayout(root)
    layout.devices.mkdir(parents=True)
    (layout.volumes / "vol-0a").mkdir(parents=True)
    (layout.devices / f"{BY_ID_PREFIX}vol0a").write_text(json.dumps({"device": "/dev/sdf", "size_gb": 5}))
    (root / "data").mkdir()
    (root / "data/hidden").touch()
    monkeypatch.setenv("RUNCTL_ROOT", str(root))
    monkeypatch.setattr(mounts, "users_of", lambda folder: [])
    return layout


@pytest.fixture
def device(layout):
    return str(layout.devices / f"{BY_ID_PREFIX}vol0a")


def test_fresh_volume_holds_no_file_system(layout, device, capsys):
    assert block_programs.main("blkid", ["-p", device]) == 2
    assert mount_programs.main("mount", [device, str(layout.root / "data")]) == 32
    assert "wrong fs type" in capsys.readouterr().err


def test_mount_shows_the_volume_and_umount_what_was_there(layout, device):
    target = layout.root / "data"
    assert block_programs.main("mkfs.ext4", ["-q", device]) == 0
    assert mount_programs.main("mount", ["-o", "noatime", device, str(target)]) == 0
    (target / "kept").write_text("1")
    assert not (target / "hidden").exists()
    assert mount_programs.main("mountpoint", ["-q", str(target)]) == 0
    assert mount_programs.main("umount", [str(target)]) == 0
    assert (target / "hidden").exists()
    assert mount_programs.main("mountpoint", ["-q", str(target)]) == 32
    assert (layout.volumes / "vol-0a/data/kept").read_text() == "1"


def test_device_is_found_by_every_name(layout, device):
    made = find_device(layout, device).format("xfs", "scratch")
    names = (device, "/dev/sdf", f"/dev/disk/by-id/{BY_ID_PREFIX}vol0a", f"UUID={made.uuid}", "LABEL=scratch")
    assert {find_device(layout, name).volume for name in names} == {"vol-0a"}
    with pytest.raises(DeviceError, match="no such device"):
        find_device(layout, "/dev/sdg")


def test_mkfs_empties_but_not_what_is_mounted(layout, device, capsys):
    found = find_device(layout, device)
    found.format("xfs", "")
    (found.data / "file").touch()
    assert block_programs.main("mkfs.xfs", [device]) == 1
    assert (found.data / "file").exists()
    mount_programs.main("mount", [device, str(layout.root / "data")])
    assert block_programs.main("mkfs.xfs", ["-f", device]) == 1
    assert "is mounted" in capsys.readouterr().err
    mount_programs.main("umount", [device])
    assert block_programs.main("mkfs.xfs", ["-f", device]) == 0
    assert list(found.data.iterdir()) == []


def test_busy_mount_stays_unless_lazy(layout, device, monkeypatch):
    find_device(layout, device).format("ext4", "")
    mount_programs.main("mount", [device, str(layout.root / "data")])
    monkeypatch.setattr(mounts, "users_of", lambda folder: [1])
    assert mount_programs.main("umount", [str(layout.root / "data")]) == 32
    assert mount_programs.main("umount", ["-l", str(layout.root / "data")]) == 0


@pytest.mark.parametrize("where", ["nowhere", "../outside"])
def test_mount_point_must_exist_inside_the_host(layout, device, where, tmp_path):
    (tmp_path / "outside").mkdir()
    find_device(layout, device).format("ext4", "")
    assert mount_programs.main("mount", [device, str(layout.root / where)]) == 32
    assert (tmp_path / "outside").is_dir()
    assert mounts.table(layout) == []


def test_one_volume_at_one_place(layout, device):
    (layout.root / "other").mkdir()
    find_device(layout, device).format("ext4", "")
    assert mount_programs.main("mount", [device, str(layout.root / "data")]) == 0
    assert mount_programs.main("mount", [device, str(layout.root / "other")]) == 32
    assert mount_programs.main("mount", [device, str(layout.root / "data")]) == 32


def test_halt_forgets_mounts(layout, device):
    find_device(layout, device).format("ext4", "")
    mount_programs.main("mount", [device, str(layout.root / "data")])
    mounts.forget_all(layout)
    assert mounts.table(layout) == []
    assert (layout.root / "data/hidden").exists()


def test_tools_tell_what_is_there(layout, device, capsys):
    made = find_device(layout, device).format("ext4", "work")
    mount_programs.main("mount", [device, str(layout.root / "data")])
    capsys.readouterr()
    block_programs.main("blkid", ["-o", "value", "-s", "TYPE", device])
    block_programs.main("blkid", [device])
    block_programs.main("lsblk", ["-J", "-o", "FSTYPE,MOUNTPOINT", device])
    mount_programs.main("findmnt", ["-n", "-o", "SOURCE", str(layout.root / "data")])
    told = capsys.readouterr().out
    assert told.startswith(f'ext4\n{device}: LABEL="work" UUID="{made.uuid}" TYPE="ext4"\n')
    assert f'"mountpoint": "{layout.root / "data"}"' in told
    assert told.endswith(f"{device}\n")


def resized(layout, gigabytes):
    """The volume becomes larger, as the cloud tells it."""
    node = layout.devices / f"{BY_ID_PREFIX}vol0a"
    node.write_text(json.dumps({"device": "/dev/sdf", "size_gb": gigabytes}))


def sizes(device, capsys):
    capsys.readouterr()
    assert block_programs.main("lsblk", ["-n", "-d", "-o", "SIZE,FSSIZE", device]) == 0
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(("kind", "grow"), [("ext4", "resize2fs"), ("xfs", "xfs_growfs")])
def test_a_file_system_keeps_its_size_until_it_is_grown(layout, device, capsys, kind, grow):
    target = str(layout.root / "data")
    find_device(layout, device).format(kind, "")
    mount_programs.main("mount", [device, target])
    resized(layout, 8)
    assert sizes(device, capsys) == ["8G", "5G"]
    assert block_programs.main(grow, [target if kind == "xfs" else device]) == 0
    assert sizes(device, capsys) == ["8G", "8G"]
    assert block_programs.main(grow, [target if kind == "xfs" else device]) == 0, "nothing to do is no error"


def test_each_program_grows_its_own_kind(layout, device, capsys):
    target = str(layout.root / "data")
    find_device(layout, device).format("ext4", "")
    assert block_programs.main("xfs_growfs", [target]) == 1, "it is not mounted"
    mount_programs.main("mount", [device, target])
    assert block_programs.main("xfs_growfs", [target]) == 1
    mount_programs.main("umount", [device])
    find_device(layout, device).format("xfs", "")
    assert block_programs.main("resize2fs", [device]) == 1
    assert "Bad magic number" in capsys.readouterr().err
