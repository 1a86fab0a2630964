"""The bind mounts of a host in namespaces."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sandbox.hosts.guest.stand_in import PROGRAMS
from sandbox.hosts.host_folder import HostFolder
from sandbox.hosts.interpreter import Interpreter

PROGRAMS_INSIDE = Path("/.host")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_ETC = ("/etc/alternatives", "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
        "/etc/crypto-policies", "/etc/ld.so.conf.d", "/etc/fonts")  # fmt: skip
_PROGRAM_FOLDERS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")


@dataclass(frozen=True)
class Bind:
    """Mount `source` at `target` (a path inside the host)."""

    source: Path
    target: Path
    writable: bool = False


@dataclass(frozen=True)
class View:
    """All bind mounts, in order; `links` are symbolic links to create in the root: path inside to target."""

    binds: tuple[Bind, ...]
    links: dict[Path, str]


def view_of(
    folder: HostFolder, programs: Path, interpreter: Interpreter, extra_folders: tuple[Path, ...]
) -> View:
    """The view for this host."""
    links = {Path(name): os.readlink(name) for name in _SYSTEM if Path(name).is_symlink()}  # noqa: PTH115 - as it is
    binds = [
        Bind(Path(name), Path(name))
        for name in (*_SYSTEM, *_ETC)
        if Path(name).is_dir() and Path(name) not in links
    ]
    if Path("/sys/devices/system").is_dir():
        binds.append(Bind(Path("/sys/devices/system"), Path("/sys/devices/system")))
    for shown in (interpreter.prefix, *extra_folders):
        if not any(shown.is_relative_to(bind.target) for bind in binds):
            binds.append(Bind(shown, shown))
    binds += [Bind(programs / "bin" / target.name, target) for target in _replaced_programs()]
    binds += [
        Bind(programs, PROGRAMS_INSIDE),
        Bind(folder.volumes, Path("/.volumes"), writable=True),
    ]
    return View(tuple(binds), links)


def _replaced_programs() -> list[Path]:
    """The machine's programs whose absolute paths must lead to a stand-in, too."""
    found: dict[Path, None] = {}
    for folder in _PROGRAM_FOLDERS:
        for name in PROGRAMS:
            path = Path(folder, name)
            if path.is_file() and (real := path.resolve()).name in PROGRAMS and real.is_relative_to("/usr"):
                found[real] = None
    return list(found)


def make_mount_points(folder: HostFolder, view: View) -> None:
    """Create mount points and links in a fresh root."""
    for path, content in view.links.items():
        (folder.root / path.relative_to("/")).symlink_to(content)
    for bind in view.binds:
        target = folder.root / bind.target.relative_to("/")
        if bind.source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
