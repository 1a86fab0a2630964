"""The folder of one host: its root volume, and beside it what the host sees but does not own."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = ("dev", "etc/ssl", "etc/systemd/system", "home", "media", "mnt", "opt", "proc", "root", "run",
            "srv", "sys", "tmp", "usr", "var/cache", "var/lib/cloud/instance", "var/log/journal",
            "var/tmp")  # fmt: skip
_COPIED = ("ssl/openssl.cnf", "resolv.conf", "nsswitch.conf", "hosts", "services", "protocols", "ld.so.cache",
           "ld.so.conf", "os-release", "localtime", "mime.types", "profile", "bash.bashrc", "debian_version",
           "login.defs", "host.conf", "gai.conf", "shells", "system-release", "redhat-release")  # fmt: skip
_PASSWD = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"  # noqa: S105
_GROUP = "root:x:0:\nnogroup:x:65534:\n"


@dataclass(frozen=True)
class HostFolder:
    """`root/` is the host's `/`; `volumes/` contains its attached volumes, `devices/` their nodes."""

    path: Path

    @property
    def root(self) -> Path:
        return self.path / "root"

    @property
    def volumes(self) -> Path:
        return self.path / "volumes"

    @property
    def devices(self) -> Path:
        return self.path / "devices"

    @property
    def by_id(self) -> Path:
        return self.devices / "by-id"


def make_host_folder(
    folder: HostFolder, *, hostname: str, pip_files: Mapping[str, bytes], linked: bool
) -> None:
    """Create a new machine. With `linked`, its root has links to volumes and devices instead of mounts."""
    folder.volumes.mkdir(parents=True)
    folder.by_id.mkdir(parents=True)
    for name in _FOLDERS:
        (folder.root / name).mkdir(parents=True)
    (folder.root / "root").chmod(0o700)
    for name in ("tmp", "var/tmp"):
        (folder.root / name).chmod(0o1777)
    _fill_etc(folder.root / "etc", hostname, pip_files)
    if linked:
        (folder.root / ".volumes").symlink_to("../volumes")
        (folder.root / "dev/disk").symlink_to("../../devices")


def _fill_etc(etc: Path, hostname: str, pip_files: Mapping[str, bytes]) -> None:
    for name in _COPIED:
        with contextlib.suppress(OSError):
            shutil.copyfile(Path("/etc", name), etc / name)
    for name, text in {"passwd": _PASSWD, "group": _GROUP, "hostname": f"{hostname}\n"}.items():
        (etc / name).write_text(text)
    with (etc / "hosts").open("a") as hosts:
        hosts.write(f"127.0.0.1 {hostname}\n")
    targets = {"global": etc / "pip.conf", "user": etc.parent / "root/.config/pip/pip.conf"}
    for kind, content in pip_files.items():
        targets[kind].parent.mkdir(parents=True, exist_ok=True)
        targets[kind].write_bytes(content)


def give_to(folder: Path, uid: int) -> None:
    """Make `uid` the owner of a newly created tree; links are not followed."""
    for parent, directories, files in os.walk(folder):
        for name in [*directories, *files]:
            os.chown(Path(parent, name), uid, uid, follow_symlinks=False)
    os.chown(folder, uid, uid, follow_symlinks=False)


def remove_tree(folder: Path) -> None:
    """Delete a folder, whatever modes its owner has set in it. Links are deleted, never followed."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for parent, directories, _ in os.walk(folder):
            for name in directories:
                if not Path(parent, name).is_symlink():
                    Path(parent, name).chmod(0o700)
        shutil.rmtree(folder)
