"""Volumes as folders, stored together when detached, or in the folder of the host they are attached to.

Hosts own the contents of a volume's folder, and in namespaces its name too: no links are followed here.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.hosts.cloud_client import AttachedVolume
from sandbox.hosts.copy_tree import copy_tree
from sandbox.hosts.guest.layout import BY_ID_PREFIX
from sandbox.hosts.host_folder import HostFolder, remove_tree


@dataclass(frozen=True)
class HostOfVolumes:
    """A host for volumes, and the user it runs as (None: the caller)."""

    folder: HostFolder
    uid: int | None


class VolumeFolders:
    """Moves volume folders as the cloud attaches and detaches volumes. All calls are idempotent.

    Snapshots, copies of volumes from which new volumes are created, are stored beside the detached volumes.
    """

    def __init__(self, resting: Path) -> None:
        self._resting = resting

    @property
    def _snapshots(self) -> Path:
        return self._resting.with_name("snapshots")

    def arrange(
        self,
        wanted: Mapping[str, tuple[AttachedVolume, ...]],
        hosts: Mapping[str, HostOfVolumes],
        existing: Iterable[str],
    ) -> None:
        """Move each volume to its host and delete the folders of volumes that no longer exist.

        `wanted` has the data volumes of each host; those of hosts not in `hosts` are detached.
        """
        for name, host in hosts.items():
            keep = {volume.id for volume in wanted.get(name, ())}
            for volume in _volume_names(host.folder.volumes):
                if volume not in keep:
                    self._detach(host, volume)
        for name, host in hosts.items():
            for attached in wanted.get(name, ()):
                self._attach(host, attached)
        known = set(existing)
        for volume in _volume_names(self._resting):
            if volume not in known:
                remove_tree(self._resting / volume)

    def keep_snapshots(self, wanted: Mapping[str, str], hosts: Mapping[str, HostOfVolumes]) -> None:
        """Copy the volume (value) of each new snapshot (key), and delete snapshots that no longer exist."""
        kept = set(os.listdir(self._snapshots)) if self._snapshots.is_dir() else set()  # noqa: PTH208
        for name in kept - set(wanted):
            remove_tree(self._snapshots / name)
        for name in sorted(set(wanted) - kept):
            source = self._place_of(wanted[name], hosts)
            if source is None:
                continue
            self._snapshots.mkdir(mode=0o700, exist_ok=True)
            copied = self._snapshots / f".{name}"
            remove_tree(copied)
            copy_tree(source, copied)
            copied.rename(self._snapshots / name)

    def _place_of(self, volume: str, hosts: Mapping[str, HostOfVolumes]) -> Path | None:
        """The path of the volume's folder; None if it was never attached, and so is empty."""
        places = (*(host.folder.volumes / volume for host in hosts.values()), self._resting / volume)
        return next((place for place in places if _is_folder(place)), None)

    def release_all(self, host: HostOfVolumes) -> None:
        """Detach all volumes of this host."""
        for volume in _volume_names(host.folder.volumes):
            self._detach(host, volume)

    def _detach(self, host: HostOfVolumes, volume: str) -> None:
        _node(host.folder, volume).unlink(missing_ok=True)
        place = host.folder.volumes / volume
        resting = self._resting / volume
        if resting.is_symlink():
            resting.unlink()
        if _is_folder(place) and not resting.exists():
            place.rename(resting)
        else:
            remove_tree(place)

    def _attach(self, host: HostOfVolumes, attached: AttachedVolume) -> None:
        place = host.folder.volumes / attached.id
        resting = self._resting / attached.id
        if not _is_folder(place):
            remove_tree(place)
            if not _is_folder(resting):
                resting.unlink(missing_ok=True)
                self._begin(resting, attached.snapshot)
            if host.uid is not None:
                _hand_over(resting, host.uid)
            resting.rename(place)
        if not resting.exists() and not resting.is_symlink():
            resting.symlink_to(os.path.relpath(place, self._resting))
        node = _node(host.folder, attached.id)
        text = json.dumps({"device": attached.device, "size_gb": attached.size_gb})
        if not node.exists() or node.read_text() != text:
            written = node.with_name(f".{node.name}")
            written.write_text(text)
            written.chmod(0o644)
            written.rename(node)

    def _begin(self, resting: Path, snapshot: str | None) -> None:
        """Create a new volume's folder: empty, or a copy of the snapshot."""
        if snapshot is not None and _is_folder(self._snapshots / snapshot):
            copy_tree(self._snapshots / snapshot, resting)
        else:
            resting.mkdir(mode=0o755)


def _node(folder: HostFolder, volume: str) -> Path:
    return folder.by_id / f"{BY_ID_PREFIX}{volume.replace('-', '')}"


def _volume_names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith("vol-"))  # noqa: PTH208
    except FileNotFoundError:
        return []


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _hand_over(folder: Path, uid: int) -> None:
    """Change a detached volume's owner: only files of its last throwaway user; links are not followed."""
    last = folder.lstat().st_uid
    for _, directories, files, descriptor in os.fwalk(folder, follow_symlinks=False) if last else ():
        for name in [*directories, *files]:
            with contextlib.suppress(FileNotFoundError):
                if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == last:
                    os.chown(name, uid, uid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(folder, uid, uid, follow_symlinks=False)
