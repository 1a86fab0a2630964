"""The machine's own disks (instance store): formatted and mounted for what need not outlive the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.machine.volumes import BLKID_FOUND_NOTHING
from runctl_auto.agent.start.layout import Layout

PROGRAM_SECONDS = 60.0
FORMAT_SECONDS = 300.0
MOUNT_POINT = "/mnt/runctl-instance-store"


class InstanceStore:
    """The first disk of the machine's instance store."""

    def __init__(self, layout: Layout, run: RunProgram, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._run = run
        self._say = say

    def mounted(self) -> Path | None:
        """Where it is mounted; mounts it first if necessary. None without such a disk, or when it cannot be
        used, which is logged: the machine's other disk serves as well.
        """
        devices = self._layout.instance_store_devices
        if not devices:
            return None
        device, target = devices[0], self._layout.resolve(MOUNT_POINT)
        if self._ok("mountpoint", "-q", str(target)):
            return target
        target.mkdir(parents=True, exist_ok=True)
        probe = self._run(("blkid", "-p", str(device)), timeout=PROGRAM_SECONDS)
        if probe.code == BLKID_FOUND_NOTHING:
            if not self._done("mkfs.ext4", "-q", str(device)):
                return None
        elif probe.code != 0:
            self._say(f"the instance store is not used: what it holds cannot be told: {probe.output}")
            return None
        if not self._done("mount", "-o", "noatime", str(device), str(target)):
            return None
        self._say(f"mounted the instance store {device.name} at {MOUNT_POINT}")
        return target

    def _ok(self, *argv: str) -> bool:
        return self._run(argv, timeout=PROGRAM_SECONDS).code == 0

    def _done(self, *argv: str) -> bool:
        result = self._run(argv, timeout=FORMAT_SECONDS)
        if result.code != 0:
            self._say(f"the instance store is not used: {argv[0]}: {result.output}")
        return result.code == 0


class CacheFolder:
    """Gives folders for a cache: on the instance store, else ``fallback`` on the machine's disk."""

    def __init__(self, fallback: Path, store: InstanceStore) -> None:
        self._fallback = fallback
        self._store = store

    def __call__(self, name: str) -> Path:
        mounted = self._store.mounted()
        folder = (mounted / "data-cache" if mounted else self._fallback) / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
