"""Volumes of a host: attached while it runs, formatted, mounted, kept for the next host, deleted."""

import pytest

pytestmark = pytest.mark.sandbox

DATA = {"id": "vol-0abc", "device": "/dev/sdf", "root": False, "size_gb": 10}
FIND = """
DEV=$ROOT/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc
until [ -e $DEV ]; do sleep 0.02; done
mkdir -p $ROOT/data
"""


def test_data_outlives_the_host_and_the_volume_goes_with_its_folder(machine, cloud, hosts, waiting):
    cloud.volumes.add("vol-0abc")
    first = machine(
        FIND
        + """
exec > $ROOT/root/result 2>&1
blkid -p $DEV; echo "blank: $?"
mount $DEV $ROOT/data; echo "mount of blank: $?"
mkfs.ext4 -q $DEV; echo "mkfs: $?"
blkid -o value -s TYPE $DEV
mountpoint -q $ROOT/data; echo "before: $?"
mount $DEV $ROOT/data && mountpoint -q $ROOT/data; echo "after: $?"
echo precious > $ROOT/data/file
mkfs.ext4 -q $DEV; echo "mkfs of mounted: $?"
(cd $ROOT/data && umount $ROOT/data; echo "busy: $?")
umount $ROOT/data; echo "umount: $?"
ls $ROOT/data; lsblk -no FSTYPE $DEV
""",
        name="i-0first",
        volumes=[{"id": "vol-0root", "device": "/dev/xvda", "root": True, "size_gb": 8}, DATA],
    )
    codes = dict(line.rsplit(": ", 1) for line in first.result.splitlines() if ": " in line)
    assert codes["blank"] == "2", first.result
    assert (codes["mount of blank"], codes["mkfs"], codes["before"], codes["after"]) == ("32", "0", "32", "0")
    assert (codes["mkfs of mounted"], codes["busy"], codes["umount"]) == ("1", "32", "0"), first.result
    assert first.result.splitlines()[-1] == "ext4"

    cloud.change("i-0first", state="shutting-down")
    cloud.await_state("i-0first", "terminated")
    waiting(lambda: not first.root.exists())
    kept = hosts.folder / "volumes/vol-0abc"
    assert (kept / "data/file").read_text() == "precious\n"

    second = machine(
        FIND
        + """
blkid $DEV && mount $DEV $ROOT/data && cat $ROOT/data/file > $ROOT/root/result
echo 2 >> $ROOT/data/file
""",
        name="i-0second",
        volumes=[DATA],
    )
    assert second.result == "precious\n"
    assert (kept / "data/file").read_text() == "precious\n2\n"

    cloud.change("i-0second", volumes=[])
    device = second.root.parent / "devices/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc"
    waiting(lambda: not device.exists() and not kept.is_symlink())
    cloud.remove_volume("vol-0abc")
    waiting(lambda: not kept.exists())


def test_volume_attached_to_a_running_host_appears(machine, cloud, waiting):
    ran = machine("true", name="i-0late")
    cloud.volumes.add("vol-0abc")
    seen = ran.root.parent / "devices/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc"
    assert not seen.exists()
    cloud.change("i-0late", volumes=[DATA])
    waiting(seen.exists)
