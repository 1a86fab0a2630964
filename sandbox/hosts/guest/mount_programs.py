"""`mount`, `umount`, `mountpoint`, `findmnt`."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.hosts.guest import mounts
from sandbox.hosts.guest.block_devices import DeviceError, find_device
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.program_options import Arguments, parse
from sandbox.hosts.guest.stand_in import UsageError

_FAILED = 32
_OPTIONS = frozenset(
    {"defaults", "noatime", "relatime", "nofail", "rw", "discard", "nodev", "nosuid", "async", "exec", "auto",
     "nodiratime", "lazytime", "_netdev"}
)  # fmt: skip


def main(name: str, arguments: list[str]) -> int:
    layout = HostLayout.of_environment()
    try:
        return {"mount": _mount, "umount": _umount, "mountpoint": _mountpoint, "findmnt": _findmnt}[name](
            layout, arguments
        )
    except (mounts.MountError, DeviceError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return _FAILED


def _mount(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(arguments, ("-v", "--verbose", "-n"), ("-t", "--types", "-o", "--options"))
    if not found.words:
        for entry in mounts.table(layout):
            sys.stdout.write(f"{entry.source} on {entry.target} type {entry.type} ({entry.options})\n")
        return 0
    if len(found.words) != 2:
        raise UsageError("give a device and a mount point; /etc/fstab is not read on sandbox hosts")
    options = (found.value("-o", "--options") or "defaults").split(",")
    for option in options:
        if option not in _OPTIONS:
            raise UsageError(f"the mount option '{option}' is not supported by sandbox hosts")
    kind = found.value("-t", "--types")
    if kind not in (None, "auto", "ext2", "ext3", "ext4", "xfs"):
        raise UsageError(f"the file system type '{kind}' is not supported by sandbox hosts")
    device, target = found.words
    shown = ["rw", *(option for option in options if option not in ("rw", "defaults"))]
    mounts.mount(layout, find_device(layout, device), _target(target), kind, ",".join(shown))
    return 0


def _target(name: str) -> Path:
    """The mount point with links in its parents resolved, as in /proc/mounts."""
    path = Path.cwd() / name
    return path.parent.resolve() / path.name


def _umount(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(arguments, ("-l", "--lazy", "-f", "--force", "-v", "-q", "--quiet"))
    code = 0
    for name in found.words:
        entry = mounts.find(layout, name) or mounts.find(layout, str(_target(name)))
        if entry is None:
            code = _FAILED
            if not found.has("-q", "--quiet"):
                sys.stderr.write(f"umount: {name}: not mounted.\n")
        else:
            mounts.unmount(layout, entry, lazy=found.has("-l", "--lazy"))
    return code


def _mountpoint(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(arguments, ("-q", "--quiet"))
    if len(found.words) != 1:
        raise UsageError("give one folder")
    target = _target(found.words[0])
    if not target.exists():
        sys.stderr.write(f"mountpoint: {target}: No such file or directory\n")
        return 1
    mounted = target in (layout.root, Path("/")) or any(e.target == str(target) for e in mounts.table(layout))
    if not found.has("-q", "--quiet"):
        sys.stdout.write(f"{target} is {'' if mounted else 'not '}a mountpoint\n")
    return 0 if mounted else _FAILED


def _findmnt(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(
        arguments,
        ("-n", "--noheadings", "-r", "--raw", "-l", "--list"),
        ("-o", "--output", "-S", "--source", "-M", "--mountpoint", "-T", "--target"),
    )
    columns = (found.value("-o", "--output") or "TARGET,SOURCE,FSTYPE,OPTIONS").upper().split(",")
    for column in columns:
        if column not in ("TARGET", "SOURCE", "FSTYPE", "OPTIONS"):
            raise UsageError(f"the column '{column}' is not supported by sandbox hosts")
    rows = [
        {"TARGET": e.target, "SOURCE": e.source, "FSTYPE": e.type, "OPTIONS": e.options}
        for e in mounts.table(layout)
        if _selected(e, found)
    ]
    if rows and not found.has("-n", "--noheadings"):
        sys.stdout.write(" ".join(columns) + "\n")
    for row in rows:
        sys.stdout.write(" ".join(row[column] for column in columns) + "\n")
    return 0 if rows else 1


def _selected(entry: mounts.Mount, found: Arguments) -> bool:
    source = found.value("-S", "--source")
    target = found.value("-M", "--mountpoint")
    inside = found.value("-T", "--target")
    if source and source not in (entry.source, f"/dev/disk/by-id/{Path(entry.source).name}"):
        return False
    if target and str(_target(target)) != entry.target:
        return False
    if inside and not f"{_target(inside)}/".startswith(f"{entry.target}/"):
        return False
    return all(word in (entry.source, entry.target) for word in found.words)
