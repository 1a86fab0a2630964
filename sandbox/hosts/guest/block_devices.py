"""The volumes attached to a host: their devices and file systems.

A volume is a folder: `filesystem.json` describes its file system, `data/` has its contents. A folder without
`filesystem.json` is a new, unformatted volume.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sandbox.hosts.guest.layout import BY_ID_PREFIX, HostLayout


class DeviceError(Exception):
    """The device does not exist, or does not support the operation. The message is the program's output."""


@dataclass(frozen=True)
class FileSystem:
    """``size_gb`` is the part of the device that it uses; 0: unknown."""

    type: str
    uuid: str
    label: str = ""
    size_gb: int = 0


@dataclass(frozen=True)
class Device:
    """One attached volume: its id, its node below /dev/disk/by-id, and its attachment name."""

    volume: str
    node: Path
    attached_as: str
    size_gb: int
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def file_system(self) -> FileSystem | None:
        try:
            found = json.loads((self.folder / "filesystem.json").read_text())
            return FileSystem(**found) if self.data.is_dir() else None
        except (OSError, ValueError, TypeError):
            return None

    def format(self, kind: str, label: str) -> FileSystem:
        """Create an empty file system; existing data is deleted."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()
        if kind.startswith("ext"):
            (self.data / "lost+found").mkdir(mode=0o700)
        made = FileSystem(kind, str(uuid.uuid4()), label, self.size_gb)
        self._write(made)
        return made

    def grow(self) -> bool:
        """Grow the file system to the size of the device; False when it has that size. Raises DeviceError."""
        system = self.file_system()
        if system is None:
            raise DeviceError(f"{self.node}: no file system found")
        if system.size_gb >= self.size_gb:
            return False
        self._write(replace(system, size_gb=self.size_gb))
        return True

    def _write(self, system: FileSystem) -> None:
        written = self.folder / "filesystem.json.new"
        written.write_text(json.dumps(asdict(system)))
        written.replace(self.folder / "filesystem.json")


def devices(layout: HostLayout) -> Iterator[Device]:
    """All attached volumes whose folder exists."""
    for node in sorted(layout.devices.glob(f"{BY_ID_PREFIX}vol*")):
        volume = node.name[len(BY_ID_PREFIX) :].replace("vol", "vol-", 1)
        try:
            told = json.loads(node.read_text())
        except (OSError, ValueError):
            continue
        folder = layout.volumes / volume
        if folder.is_dir():
            yield Device(volume, node, str(told.get("device", "")), int(told.get("size_gb", 0)), folder)


def find_device(layout: HostLayout, name: str) -> Device:
    """The device with this path, attachment name, `UUID=…` or `LABEL=…`. Raises DeviceError."""
    tag, sign, value = name.partition("=")
    for device in devices(layout):
        if sign and tag in ("UUID", "LABEL"):
            system = device.file_system()
            if system and value.strip('"') == (system.uuid if tag == "UUID" else system.label):
                return device
        elif name in (str(device.node), f"/dev/disk/by-id/{device.node.name}", device.attached_as):
            return device
    raise DeviceError(f"{name}: no such device")
