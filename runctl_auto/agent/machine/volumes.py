"""Volumes of the job: found by volume id, formatted only when blank, mounted, grown, unmounted at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.errors import VolumeError
from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.spec import VolumeSpec
from runctl_auto.agent.start.layout import Layout

ATTACH_SECONDS = 300.0
LOOK_EVERY_SECONDS = 1.0
PROGRAM_SECONDS = 60.0
FORMAT_SECONDS = 900.0
GROW_SECONDS = 300.0
GROW_EVERY_SECONDS = 60.0
BLKID_FOUND_NOTHING = 2


@dataclass
class _Mounted:
    """A mounted volume. ``bytes`` is the size of its device when its file system was last grown."""

    volume: VolumeSpec
    device: Path
    target: Path
    bytes: int | None = None


class Volumes:
    """Mounts volumes in the given order and unmounts them in the reverse one.

    ``grow_all`` is called by one thread at a time, after ``mount_all`` and before ``unmount_all``.
    """

    def __init__(
        self,
        layout: Layout,
        run: RunProgram,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
        *,
        attach: Callable[[VolumeSpec], object] = lambda _: None,
    ) -> None:
        """`attach` is for volumes with a device name: it attaches one to this machine."""
        self._layout = layout
        self._run = run
        self._say = say
        self._clock = clock
        self._wait = wait
        self._attach = attach
        self._mounted: list[_Mounted] = []

    def mount_all(self, volumes: Sequence[VolumeSpec]) -> dict[str, Path]:
        """Mount points by volume name. Blocks until each volume is attached; raises VolumeError."""
        return {volume.name: self._mount(volume) for volume in volumes}

    def unmount_all(self) -> None:
        """Unmounts all mounted volumes; logs failures, since terminating the machine unmounts them anyway."""
        while self._mounted:
            target = self._mounted.pop().target
            done = self._run(("umount", str(target)), timeout=PROGRAM_SECONDS)
            if done.code != 0:
                self._say(f"could not unmount {target}: {done.output}")

    def grow_all(self) -> None:
        """Grows each ext or XFS file system to the size of its volume, if that has changed.

        A volume that was enlarged, or created from a smaller snapshot, holds a file system of the old size.
        Failures are logged once per size: the volume is usable as it is.
        """
        for mounted in tuple(self._mounted):
            self._grow_if_resized(mounted)

    def _grow_if_resized(self, mounted: _Mounted) -> None:
        size = self._size_of(mounted.device)
        if size is not None and size != mounted.bytes:
            mounted.bytes = size
            self._grow(mounted)

    def _size_of(self, device: Path) -> int | None:
        told = self._run(("lsblk", "-b", "-n", "-d", "-o", "SIZE", str(device)), timeout=PROGRAM_SECONDS)
        text = told.output.strip()
        return int(text) if told.code == 0 and text.isdigit() else None

    def _grow(self, mounted: _Mounted) -> None:
        volume, device = mounted.volume, mounted.device
        probe = self._run(("blkid", "-p", "-o", "value", "-s", "TYPE", str(device)), timeout=PROGRAM_SECONDS)
        kind = probe.output.strip()
        if kind == "xfs":
            grow = ("xfs_growfs", str(mounted.target))
        elif kind in ("ext2", "ext3", "ext4"):
            grow = ("resize2fs", str(device))
        else:
            return
        done = self._run(grow, timeout=GROW_SECONDS)
        if done.code != 0:
            self._say(f"could not grow the file system of volume {volume.name} ({volume.id}): {done.output}")

    def _mount(self, volume: VolumeSpec) -> Path:
        device = self._attached_device(volume)
        self._format_if_blank(volume, device)
        target = self._layout.resolve(volume.mount)
        target.mkdir(parents=True, exist_ok=True)
        done = self._run(("mount", str(device), str(target)), timeout=PROGRAM_SECONDS)
        if done.code != 0:
            # A killed agent may have left it mounted.
            self._run(("umount", str(target)), timeout=PROGRAM_SECONDS)
            done = self._run(("mount", str(device), str(target)), timeout=PROGRAM_SECONDS)
        if done.code != 0:
            raise VolumeError(
                f"volume {volume.name} ({volume.id}) cannot be mounted at {volume.mount}: {done.output}"
            )
        mounted = _Mounted(volume, device, target)
        self._mounted.append(mounted)
        self._say(f"mounted volume {volume.name} ({volume.id}) at {volume.mount}")
        self._grow_if_resized(mounted)
        return target

    def _attached_device(self, volume: VolumeSpec) -> Path:
        device = self._layout.volume_device(volume.id)
        if volume.device is not None and not device.exists():
            self._attach(volume)
        give_up = self._clock() + ATTACH_SECONDS
        while not device.exists():
            if self._clock() >= give_up:
                raise VolumeError(
                    f"volume {volume.name} ({volume.id}) did not appear as {device} within "
                    f"{ATTACH_SECONDS:.0f} s; is it attached, and does the instance type have NVMe volumes?"
                )
            self._wait(LOOK_EVERY_SECONDS)
        return device

    def _format_if_blank(self, volume: VolumeSpec, device: Path) -> None:
        probe = self._run(("blkid", "-p", str(device)), timeout=PROGRAM_SECONDS)
        if probe.code == 0:
            return
        if probe.code != BLKID_FOUND_NOTHING:
            raise VolumeError(f"cannot tell what volume {volume.name} ({volume.id}) holds: {probe.output}")
        done = self._run(("mkfs.ext4", "-q", str(device)), timeout=FORMAT_SECONDS)
        if done.code != 0:
            raise VolumeError(f"volume {volume.name} ({volume.id}) cannot be formatted: {done.output}")
        self._say(f"formatted volume {volume.name} ({volume.id}), which held nothing")
