"""Mounts of a host: the mount point of a mounted volume is a link to the volume's data.

The previous contents of the mount point are moved aside until unmount; a real mount would hide them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.hosts.guest.block_devices import Device, DeviceError
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.process_table import users_of


class MountError(Exception):
    """The volume cannot be mounted or unmounted. The message is the program's output."""


@dataclass(frozen=True)
class Mount:
    volume: str
    source: str
    target: str
    type: str
    options: str
    covered: str


def table(layout: HostLayout) -> list[Mount]:
    """The mounts, in order of mounting."""
    try:
        return [Mount(**entry) for entry in json.loads(layout.mount_table.read_text())]
    except (OSError, ValueError, TypeError):
        return []


@contextlib.contextmanager
def _changing(layout: HostLayout) -> Iterator[list[Mount]]:
    layout.run.mkdir(parents=True, exist_ok=True)
    with (layout.run / "mounts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = table(layout)
        yield entries
        written = layout.mount_table.with_suffix(".new")
        written.write_text(json.dumps([asdict(entry) for entry in entries]))
        written.replace(layout.mount_table)


def mount(layout: HostLayout, device: Device, target: Path, kind: str | None, options: str) -> None:
    """Mount the volume at `target`. Raises MountError or DeviceError."""
    system = device.file_system()
    if system is None or (kind not in (None, "auto", system.type)):
        raise DeviceError(f"{target}: wrong fs type, bad option, bad superblock on {device.node}")
    if not target.is_absolute() or layout.root.resolve() not in (
        target.parent.resolve(),
        *target.parent.resolve().parents,
    ):
        raise MountError(f"{target}: mount point is outside of this host")
    with _changing(layout) as entries:
        if any(entry.volume == device.volume for entry in entries):
            raise MountError(f"{target}: {device.node} already mounted")
        if target.is_symlink() or any(entry.target == str(target) for entry in entries):
            raise MountError(f"{target}: mount point is busy or a link")
        if not target.is_dir():
            raise MountError(f"{target}: mount point does not exist")
        covered = layout.covered / uuid.uuid4().hex
        covered.parent.mkdir(parents=True, exist_ok=True)
        target.rename(covered)
        try:
            target.symlink_to(device.data)
        except OSError:
            covered.rename(target)
            raise
        entries.append(
            Mount(device.volume, str(device.node), str(target), system.type, options, str(covered))
        )


def find(layout: HostLayout, name: str) -> Mount | None:
    """The mount with this source or target."""
    wanted = {name, str(Path(name))}
    for entry in reversed(table(layout)):
        if wanted & {entry.source, entry.target, f"/dev/disk/by-id/{Path(entry.source).name}"}:
            return entry
    return None


def unmount(layout: HostLayout, entry: Mount, lazy: bool = False) -> None:
    """Unmount the volume. Raises MountError when it is in use."""
    if not lazy and users_of(layout.volumes / entry.volume):
        raise MountError(f"{entry.target}: target is busy.")
    with _changing(layout) as entries:
        if entry in entries:
            entries.remove(entry)
            _uncover(entry)


def _uncover(entry: Mount) -> None:
    target, covered = Path(entry.target), Path(entry.covered)
    if target.is_symlink():
        target.unlink()
        if covered.is_dir():
            covered.rename(target)


def forget_all(layout: HostLayout) -> None:
    """Unmount everything, even if in use; the machine is halting or has just started."""
    with _changing(layout) as entries:
        for entry in reversed(entries):
            with contextlib.suppress(OSError):
                _uncover(entry)
        entries.clear()
