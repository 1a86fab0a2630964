"""Hostile user data changes nothing outside of its host's folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.sandbox

ATTACK = r"""
exec > $ROOT/root/attack.log 2>&1
python3 - <<'END'
import os, shutil
outside = %(outside)r
def attempt(what, *arguments):
    try:
        print(what.__name__, arguments, what(*arguments))
    except BaseException as error:
        print(what.__name__, arguments, repr(error))
def write(path):
    with open(path, "w") as stream:
        stream.write("taken over")
for path in (
    outside + "/project/file", outside + "/home/.bashrc", outside + "/decoy-disk", outside + "/new",
    "/etc/passwd", "/etc/runctl-taken", "/usr/bin/runctl-taken", "/usr/local/runctl-taken",
    "/lib/runctl-taken",
    "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/runctl-taken",
    "/sys/devices/system/cpu/cpu1/online", "/boot/runctl-taken", "/dev/sda", "/dev/vda", "/dev/mem",
    "/.host/bin/mount", "/.host/pyvenv.cfg", "/proc/1/fd/1", "/proc/1/mem", "/proc/1/environ",
):
    attempt(write, path)
for path in (outside, outside + "/project", outside + "/home"):
    attempt(shutil.rmtree, path)
    attempt(os.chmod, path, 0o777)
    attempt(os.rename, path, path + "-moved")
attempt(os.mknod, "/root/disk", 0o60600, os.makedev(8, 0))
attempt(os.mknod, "/root/memory", 0o20600, os.makedev(1, 1))
attempt(os.chroot, "/proc/1/root")
attempt(os.listdir, "/proc/1/fd")
attempt(os.setuid, 0)
for name in os.listdir("/proc"):
    if name.isdigit():
        for inner in ("root", "cwd"):
            attempt(write, "/proc/%%s/%%s%%s/project/file" %% (name, inner, outside))
END
mkfs.ext4 -F %(outside)s/decoy-disk
/sbin/mkfs.ext4 -F %(outside)s/decoy-disk
dd if=/dev/zero of=%(outside)s/decoy-disk bs=1k count=1 conv=notrunc
mount --bind / /mnt; /bin/mount -o remount,rw /usr; /usr/bin/umount -l /usr; umount /proc
unshare -Urm sh -c 'mount -o remount,rw,bind /usr; touch /usr/runctl-taken; umount -l /usr'
nsenter -t 1 -m -p sh -c 'touch %(outside)s/new'
rm -rf %(outside)s ~/../../..%(outside)s
ln -s %(outside)s/project $ROOT/var/log/escape
rm -rf $ROOT/var/log/journal; ln -s %(outside)s/home $ROOT/var/log/journal
rm -rf $ROOT/etc; ln -s %(outside)s/home $ROOT/etc; ln -s %(outside)s/home/.bashrc $ROOT/root/link
mv $ROOT/.volumes $ROOT/moved; ln -s %(outside)s $ROOT/.volumes
chmod -R 000 $ROOT/var/cache
touch $ROOT/root/done
kill -9 -1
sleep 1; shutdown -h now
"""


def outside_of(folder: Path) -> dict[str, tuple]:
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_uid,
            path.is_file() and path.read_bytes(),
        )
        for path in sorted([folder, *folder.rglob("*")])
    }


def machine_state() -> list[bytes]:
    watched = ("/etc/passwd", "/etc/hosts", "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern")
    return [Path(path).read_bytes() for path in watched]


@pytest.fixture
def outside(tmp_path):
    """A caller's home, project and a file that looks like a disk."""
    folder = tmp_path / "outside"
    (folder / "project").mkdir(parents=True)
    (folder / "home").mkdir()
    (folder / "project/file").write_text("work")
    (folder / "home/.bashrc").write_text("mine")
    (folder / "decoy-disk").write_bytes(b"\0" * 4096)
    return folder


def test_nothing_outside_changes(hosts, cloud, outside, isolation, waiting):
    if isolation == "plain" and os.geteuid() != 0:
        pytest.skip("a plain host of an ordinary caller is that caller")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    before, machine_before = outside_of(outside), machine_state()
    cloud.volumes.add("vol-0abc")
    data = {"id": "vol-0abc", "device": "/dev/sdf", "root": False, "size_gb": 1}
    try:
        cloud.run(
            "i-0evil",
            "#!/bin/bash\nROOT=${RUNCTL_ROOT:-}\n" + ATTACK % {"outside": str(outside)},
            volumes=[data],
        )
        waiting((hosts.root("i-0evil") / "root/done").exists, 60)
        tried = (hosts.root("i-0evil") / "root/attack.log").read_text()
        assert (
            tried.count("OSError(30") + tried.count("PermissionError") + tried.count("FileNotFoundError")
            >= 20
        )
        cloud.change("i-0evil", state="shutting-down")
        cloud.await_state("i-0evil", "terminated")
        waiting(lambda: not hosts.root("i-0evil").exists())
        assert hosts.process.poll() is None
        assert outside_of(outside) == before
        assert "taken over" not in hosts.console("i-0evil")
        assert machine_state() == machine_before
        assert not [
            p
            for p in ("/etc", "/usr/bin", "/usr/local", "/usr", "/lib", "/boot")
            if Path(p, "runctl-taken").exists()
        ]
        assert (hosts.folder / "volumes/vol-0abc").resolve().is_dir()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_no_host_runs_as_root_without_a_namespace(machine, isolation):
    ran = machine("id -u > $ROOT/root/result; cat /proc/self/status >> $ROOT/root/result", name="i-0user")
    uid, *status = ran.result.splitlines()
    held = {line.split()[0]: line.split()[1:] for line in status}
    assert int(held["CapEff:"][0], 16) == 0
    assert held["NoNewPrivs:"] == ["1"]
    if isolation == "plain":
        assert uid != "0"
    else:
        assert uid == "0"


def test_hosts_see_nothing_of_the_callers_environment(start_hosts, isolation, cloud, waiting):
    hosts = start_hosts(isolation, SECRET_OF_CALLER="hush")
    cloud.run(
        "i-0env", '#!/bin/bash\nenv > "${RUNCTL_ROOT:-}/root/env"; touch "${RUNCTL_ROOT:-}/root/done"\n'
    )
    waiting((hosts.root("i-0env") / "root/done").exists)
    told = (hosts.root("i-0env") / "root/env").read_text()
    assert "hush" not in told
    assert "SECRET_OF_CALLER" not in told
    home = "/root" if isolation != "plain" else str(hosts.root("i-0env") / "root")
    assert f"HOME={home}\n" in told
