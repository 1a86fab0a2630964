"""Volumes of the job: found by volume id, formatted only when blank, mounted, unmounted at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from runctl_auto.agent.errors import VolumeError
from runctl_auto.agent.layout import Layout
from runctl_auto.agent.machine import RunProgram
from runctl_auto.agent.spec import VolumeSpec

ATTACH_SECONDS = 300.0
LOOK_EVERY_SECONDS = 1.0
PROGRAM_SECONDS = 60.0
FORMAT_SECONDS = 900.0
BLKID_FOUND_NOTHING = 2


class Volumes:
    """Mounts volumes in the given order and unmounts them in the reverse one."""

    def __init__(
        self,
        layout: Layout,
        run: RunProgram,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._layout = layout
        self._run = run
        self._say = say
        self._clock = clock
        self._wait = wait
        self._mounted: list[Path] = []

    def mount_all(self, volumes: Sequence[VolumeSpec]) -> dict[str, Path]:
        """Mount points by volume name. Blocks until each volume is attached; raises VolumeError."""
        return {volume.name: self._mount(volume) for volume in volumes}

    def unmount_all(self) -> None:
        """Unmounts what was mounted; says what it could not, for the machine's end unmounts it anyway."""
        while self._mounted:
            target = self._mounted.pop()
            done = self._run(("umount", str(target)), timeout=PROGRAM_SECONDS)
            if done.code != 0:
                self._say(f"could not unmount {target}: {done.output}")

    def _mount(self, volume: VolumeSpec) -> Path:
        device = self._attached_device(volume)
        self._format_if_blank(volume, device)
        target = self._layout.resolve(volume.mount)
        target.mkdir(parents=True, exist_ok=True)
        done = self._run(("mount", str(device), str(target)), timeout=PROGRAM_SECONDS)
        if done.code != 0:
            # An agent that died may have left it mounted.
            self._run(("umount", str(target)), timeout=PROGRAM_SECONDS)
            done = self._run(("mount", str(device), str(target)), timeout=PROGRAM_SECONDS)
        if done.code != 0:
            raise VolumeError(
                f"volume {volume.name} ({volume.id}) cannot be mounted at {volume.mount}: {done.output}"
            )
        self._mounted.append(target)
        self._say(f"mounted volume {volume.name} ({volume.id}) at {volume.mount}")
        return target

    def _attached_device(self, volume: VolumeSpec) -> Path:
        device = self._layout.volume_device(volume.id)
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
