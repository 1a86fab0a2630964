"""What is recorded of hosts, what is kept of them, and what is removed."""

import os
import stat
from pathlib import Path

import pytest

from sandbox.hosts.guest import stand_in
from sandbox.hosts.host_environment import host_environment
from sandbox.hosts.host_folder import HostFolder, make_host_folder, remove_tree
from sandbox.hosts.host_store import HostRecord, HostStore
from sandbox.hosts.interpreter import Interpreter, copy_to
from sandbox.hosts.last_words import keep_journals
from sandbox.hosts.process_identity import ProcessIdentity
from sandbox.hosts.programs_folder import make_programs


def test_records_are_found_again_and_broken_ones_passed_over(tmp_path):
    store = HostStore(tmp_path, private=False)
    record = HostRecord(
        "i-1",
        2,
        4000,
        "i-1-ab",
        "secret",
        61184,
        False,
        ProcessIdentity(5, 6),
        ProcessIdentity(7, 8),
        ended=True,
    )
    store.save(record)
    (tmp_path / "hosts/i-2.json").write_text("{")
    (tmp_path / "hosts/i-3.json").write_text('{"id": "i-3"}')
    assert list(HostStore(tmp_path, private=False).records()) == [record]
    store.forget("i-1")
    assert list(store.records()) == []


def test_private_place_is_found_again_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cloud = tmp_path / "cloud"
    (cloud / "volumes").mkdir(parents=True)
    store = HostStore(cloud, private=True)
    place = store.volumes.parent
    assert place.parent == tmp_path
    assert stat.S_IMODE(place.stat().st_mode) == 0o711
    assert (cloud / "volumes").resolve() == store.volumes
    assert HostStore.existing(cloud).volumes == store.volumes
    store.remove_private_place()
    assert not place.exists()
    assert not (cloud / "volumes").is_symlink()


def test_place_of_another_user_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = HostStore(tmp_path / "cloud", private=True).volumes.parent
    monkeypatch.setattr("os.geteuid", lambda: first.stat().st_uid + 1)
    assert HostStore(tmp_path / "cloud", private=True).volumes.parent != first


def test_identity_tells_a_reused_pid():
    me = ProcessIdentity.of(os.getpid())
    assert me.alive()
    assert not ProcessIdentity(me.pid, me.started + 1).alive()
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(2**22 + 1)


def test_removal_copes_with_modes_and_follows_no_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    tree = tmp_path / "tree"
    (tree / "closed/inner").mkdir(parents=True)
    (tree / "closed/inner/file").touch()
    (tree / "link").symlink_to(outside)
    (tree / "closed").chmod(0)
    remove_tree(tree)
    assert not tree.exists()
    (tmp_path / "direct").symlink_to(outside)
    remove_tree(tmp_path / "direct")
    remove_tree(tmp_path / "absent")
    assert (outside / "file").exists()


@pytest.mark.parametrize("trick", ["file", "folder", "parent", "fifo"])
def test_journals_are_kept_but_no_link_is_followed(tmp_path, trick):
    root, console, secret = tmp_path / "root", tmp_path / "console", tmp_path / "secret"
    journal = root / "var/log/journal"
    journal.mkdir(parents=True)
    secret.mkdir()
    (secret / "a.service.log").write_text("secret")
    if trick == "file":
        (journal / "b.service.log").write_text("kept")
        (journal / "a.service.log").symlink_to(secret / "a.service.log")
        (journal / "c.service.log").hardlink_to(secret / "a.service.log")
    elif trick == "folder":
        journal.rmdir()
        journal.symlink_to(secret)
    elif trick == "parent":
        (root / "var").rename(root / "moved")
        (secret / "log/journal").mkdir(parents=True)
        (secret / "log/journal/a.log").write_text("secret")
        (root / "var").symlink_to(secret)
    else:
        os.mkfifo(journal / "a.log")
    keep_journals(root, console)
    told = console.read_text() if console.exists() else ""
    assert "secret" not in told
    assert ("kept" in told) is (trick == "file")


def test_fresh_host_has_what_a_machine_has(tmp_path):
    folder = HostFolder(tmp_path / "h")
    make_host_folder(folder, hostname="ip-1", pip_files={"user": b"[global]"}, linked=True)
    assert (folder.root / "etc/hostname").read_text() == "ip-1\n"
    assert (folder.root / "root/.config/pip/pip.conf").read_bytes() == b"[global]"
    assert (folder.root / ".volumes").resolve() == folder.volumes
    assert (folder.root / "dev/disk/by-id").resolve() == folder.by_id
    assert stat.S_IMODE((folder.root / "tmp").stat().st_mode) == 0o1777
    assert not any(path.is_block_device() for path in folder.root.rglob("*"))


def test_environment_of_a_plain_host_names_its_root():
    url = "http://127.0.0.1:5/secret/"
    shared = {"mark": "i-1-ab", "cloud_url": "http://127.0.0.1:1", "metadata_url": url, "library_path": None}
    plain = host_environment(root=Path("/h/root"), programs=Path("/p"), settings={"PIP_CERT": "c"}, **shared)
    assert plain["RUNCTL_ROOT"] == "/h/root"
    assert plain["HOME"] == "/h/root/root"
    assert plain["PATH"].startswith("/p/bin:")
    assert plain["PIP_CERT"] == "c"
    assert plain["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == url
    inside = host_environment(root=None, programs=Path("/.host"), settings={}, **shared)
    assert "RUNCTL_ROOT" not in inside
    assert inside["RUNCTL_SANDBOX_HOST"] == "i-1-ab"
    assert inside["HOME"] == "/root"


def test_programs_are_made_once(tmp_path):
    made = tmp_path / "programs"
    make_programs(made, Path("/.host"), Interpreter(Path("/opt/py/bin/python3"), Path("/opt/py")))
    assert {path.name for path in (made / "bin").iterdir()} > set(stand_in.PROGRAMS)
    assert "/.host/lib/sandbox/hosts/guest/stand_in.py" in (made / "bin/mount").read_text()
    assert os.access(made / "bin/mount", os.X_OK)
    assert "home = /opt/py/bin\ninclude-system-site-packages = false" in (made / "pyvenv.cfg").read_text()
    assert (made / "lib/sandbox/hosts/guest/init.py").exists()
    (made / "bin/mount").unlink()
    make_programs(made, Path("/.host"), Interpreter(Path("/opt/py/bin/python3"), Path("/opt/py")))
    assert not (made / "bin/mount").exists()


def test_copied_interpreter_can_be_read_by_everybody_and_leaves_the_first_as_it_is(tmp_path):
    import sys

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = tmp_path / "prefix"
    (prefix / "lib" / version / "site-packages/boto3").mkdir(parents=True)
    (prefix / "lib" / version / "os.py").write_text("open")
    (prefix / "lib" / version / "closed.py").write_text("closed")
    (prefix / "lib" / version / "closed.py").chmod(0o600)
    (prefix / "bin").mkdir()
    (prefix / "bin/python3").write_text("binary")
    (prefix / "bin/python3").chmod(0o700)
    copied = copy_to(tmp_path / "copy", Interpreter(prefix / "bin/python3", prefix))
    library = copied.prefix / "lib" / version
    assert not (library / "site-packages").exists()
    assert stat.S_IMODE((library / "closed.py").stat().st_mode) == 0o644
    assert stat.S_IMODE((prefix / "lib" / version / "closed.py").stat().st_mode) == 0o600
    assert stat.S_IMODE(copied.executable.stat().st_mode) == 0o755
    assert copied.library_path is None
    assert copy_to(tmp_path / "copy", Interpreter(prefix / "bin/python3", prefix)) == copied
