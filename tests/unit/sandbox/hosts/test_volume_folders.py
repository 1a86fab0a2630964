"""Where volumes' folders are."""

import json
import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.hosts.cloud_client import AttachedVolume
from sandbox.hosts.host_folder import HostFolder
from sandbox.hosts.volume_folders import HostOfVolumes, VolumeFolders


def host_at(path):
    folder = HostFolder(path)
    folder.volumes.mkdir(parents=True)
    folder.by_id.mkdir(parents=True)
    return HostOfVolumes(folder, None)


def attached(volume):
    return AttachedVolume(volume, "/dev/sdf", False, 3)


@pytest.fixture
def resting(tmp_path):
    folder = tmp_path / "volumes"
    folder.mkdir()
    return folder


def test_a_host_sees_that_its_volume_became_larger(tmp_path, resting):
    volumes, host = VolumeFolders(resting), host_at(tmp_path / "h")
    for size in (3, 8):
        volumes.arrange({"h": (AttachedVolume("vol-1", "/dev/sdf", False, size),)}, {"h": host}, ["vol-1"])
        node = host.folder.by_id / "nvme-Amazon_Elastic_Block_Store_vol1"
        assert json.loads(node.read_text())["size_gb"] == size


def test_volume_goes_to_its_host_and_back(tmp_path, resting):
    volumes, host = VolumeFolders(resting), host_at(tmp_path / "h")
    volumes.arrange({"h": (attached("vol-1"),)}, {"h": host}, ["vol-1"])
    (host.folder.volumes / "vol-1/kept").write_text("1")
    node = host.folder.by_id / "nvme-Amazon_Elastic_Block_Store_vol1"
    assert json.loads(node.read_text()) == {"device": "/dev/sdf", "size_gb": 3}
    assert (resting / "vol-1/kept").read_text() == "1"
    volumes.arrange({}, {"h": host}, ["vol-1"])
    assert not node.exists()
    assert not (resting / "vol-1").is_symlink()
    assert (resting / "vol-1/kept").read_text() == "1"


def test_volume_moves_between_hosts_in_one_step(tmp_path, resting):
    volumes, one, two = VolumeFolders(resting), host_at(tmp_path / "a"), host_at(tmp_path / "b")
    hosts = {"a": one, "b": two}
    volumes.arrange({"b": (attached("vol-1"),)}, hosts, ["vol-1"])
    (two.folder.volumes / "vol-1/kept").write_text("1")
    volumes.arrange({"a": (attached("vol-1"),)}, hosts, ["vol-1"])
    assert (one.folder.volumes / "vol-1/kept").read_text() == "1"
    assert list(two.folder.volumes.iterdir()) == list(two.folder.by_id.iterdir()) == []


def test_deleted_volume_loses_its_folder(tmp_path, resting):
    volumes, host = VolumeFolders(resting), host_at(tmp_path / "h")
    volumes.arrange({"h": (attached("vol-1"),)}, {"h": host}, ["vol-1"])
    volumes.arrange({}, {"h": host}, [])
    assert list(resting.iterdir()) == []


def test_link_in_place_of_a_volume_is_never_followed(tmp_path, resting):
    volumes, host = VolumeFolders(resting), host_at(tmp_path / "h")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    volumes.arrange({"h": (attached("vol-1"),)}, {"h": host}, ["vol-1"])
    (host.folder.volumes / "vol-1").rename(host.folder.path / "hidden")
    (host.folder.volumes / "vol-1").symlink_to(outside)
    volumes.arrange({"h": (attached("vol-1"),)}, {"h": host}, ["vol-1"])
    assert (host.folder.volumes / "vol-1").is_dir()
    assert not (host.folder.volumes / "vol-1").is_symlink()
    (host.folder.volumes / "vol-1").rmdir()
    (host.folder.volumes / "vol-1").symlink_to(outside)
    volumes.release_all(host)
    volumes.arrange({}, {"h": host}, [])
    assert (outside / "file").exists()


class Moves(RuleBasedStateMachine):
    """However volumes are attached and detached, none is lost, none is at two places."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile
        from pathlib import Path

        self.place = tempfile.TemporaryDirectory()
        base = Path(self.place.name)
        self.resting = base / "volumes"
        self.resting.mkdir()
        self.hosts = {name: host_at(base / name) for name in "ab"}
        self.volumes = VolumeFolders(self.resting)
        self.where = {"vol-1": None, "vol-2": None}
        self.arrange()
        for volume in self.where:
            self.where[volume] = "a"
        self.arrange()
        for volume in self.where:
            (self.hosts["a"].folder.volumes / volume / "mark").write_text(volume)

    def arrange(self):
        wanted = {n: tuple(attached(v) for v, at in self.where.items() if at == n) for n in self.hosts}
        self.volumes.arrange(wanted, self.hosts, self.where)

    @rule(volume=st.sampled_from(["vol-1", "vol-2"]), host=st.sampled_from(["a", "b", None]))
    def move(self, volume, host):
        self.where[volume] = host
        self.arrange()

    @rule()
    def again(self):
        self.arrange()

    @invariant()
    def each_is_where_it_belongs(self):
        for volume, at in self.where.items():
            assert (self.resting / volume / "mark").read_text() == volume
            for name, host in self.hosts.items():
                assert (host.folder.volumes / volume).exists() is (name == at)

    def teardown(self):
        self.place.cleanup()


Moves.TestCase.settings = settings(max_examples=20, stateful_step_count=10, deadline=None)
TestMoves = Moves.TestCase


def test_a_volume_made_from_a_snapshot_begins_with_what_was_there_then(tmp_path, resting):
    volumes, host = VolumeFolders(resting), host_at(tmp_path / "h")
    volumes.arrange({"h": (attached("vol-1"),)}, {"h": host}, ["vol-1"])
    content = host.folder.volumes / "vol-1/data"
    content.mkdir()
    (content / "kept").write_text("then")
    (content / "kept").chmod(0o640)
    (content / "link").symlink_to("/etc/hostname")
    volumes.keep_snapshots({"snap-1": "vol-1"}, {"h": host})
    (content / "kept").write_text("now")
    volumes.keep_snapshots({"snap-1": "vol-1"}, {"h": host})
    restored = AttachedVolume("vol-2", "/dev/sdg", False, 3, "snap-1")
    volumes.arrange({"h": (restored,)}, {"h": host}, ["vol-2"])
    copy = host.folder.volumes / "vol-2/data"
    assert (copy / "kept").read_text() == "then"
    assert (copy / "kept").stat().st_mode & 0o777 == 0o640
    assert str((copy / "link").readlink()) == "/etc/hostname", "a link is copied, not followed"
    assert not (resting / "vol-1").exists(), "the snapshot outlives its volume"
    volumes.keep_snapshots({}, {"h": host})
    assert list((tmp_path / "snapshots").iterdir()) == []
    assert (copy / "kept").read_text() == "then"


def test_a_snapshot_of_a_volume_that_was_never_attached_is_empty(tmp_path, resting):
    volumes, host = VolumeFolders(resting), host_at(tmp_path / "h")
    volumes.keep_snapshots({"snap-1": "vol-1"}, {"h": host})
    volumes.arrange({"h": (AttachedVolume("vol-2", "/dev/sdg", False, 3, "snap-1"),)}, {"h": host}, ["vol-2"])
    assert list((host.folder.volumes / "vol-2").iterdir()) == []


def test_a_snapshot_never_copies_what_a_link_or_a_pipe_leads_to(tmp_path, resting):
    volumes, host = VolumeFolders(resting), host_at(tmp_path / "h")
    volumes.arrange({"h": (attached("vol-1"),)}, {"h": host}, ["vol-1"])
    place = host.folder.volumes / "vol-1"
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("x")
    (place / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(place / "pipe")
    volumes.keep_snapshots({"snap-1": "vol-1"}, {"h": host})
    copied = tmp_path / "snapshots/snap-1"
    assert [path.name for path in copied.iterdir()] == ["folder"]
    assert (copied / "folder").is_symlink()
