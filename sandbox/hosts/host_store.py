"""Paths and records of a sandbox's hosts."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sandbox.hosts.host_folder import HostFolder, remove_tree
from sandbox.hosts.launch import HostProcesses
from sandbox.hosts.process_identity import ProcessIdentity


@dataclass(frozen=True)
class HostRecord:
    """The data needed to adopt a host. Process times are as in ProcessIdentity."""

    id: str
    boot: int
    imds_port: int
    mark: str
    """The value of HOST_MARK in the environment of the host's processes, which identifies them."""
    imds_secret: str = field(repr=False)
    """First segment of the paths of its metadata service; only the host's processes know it."""
    uid: int | None = None
    plain: bool = False
    outer: ProcessIdentity | None = None
    init: ProcessIdentity | None = None
    ended: bool = False

    def started(self, processes: HostProcesses) -> HostRecord:
        return replace(self, outer=processes.outer, init=processes.init, ended=False)

    @property
    def alive(self) -> bool:
        return self.init is not None and self.init.alive()


class HostStore:
    """Folders and records under the cloud's folder.

    With `private`, folders that a throwaway user must reach are in a separate folder outside (the cloud's
    folder is closed to others); `volumes` in the cloud's folder is then a link there.
    """

    def __init__(self, folder: Path, *, private: bool) -> None:
        self.folder = folder
        self._hosts = folder / "hosts"
        self._hosts.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._place = self._private_place() if private else folder
        self.volumes = self._place / "volumes"
        self.volumes.mkdir(mode=0o711, parents=True, exist_ok=True)
        if private:
            self._link_volumes()

    @classmethod
    def existing(cls, folder: Path) -> HostStore:
        """The store as created by an earlier manager."""
        return cls(folder, private=(folder / "hosts/place.json").exists())

    def _link_volumes(self) -> None:
        link = self.folder / "volumes"
        if link.is_dir() and not link.is_symlink():
            link.rmdir()
        if not link.is_symlink():
            link.symlink_to(self.volumes)

    @property
    def _pointer(self) -> Path:
        return self._hosts / "place.json"

    def _private_place(self) -> Path:
        """The folder outside, recorded for the next manager."""
        with contextlib.suppress(OSError, ValueError):
            place = Path(json.loads(self._pointer.read_text())["place"])
            found = place.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                return place
        place = Path(tempfile.mkdtemp(prefix="runctl-hosts-"))
        place.chmod(0o711)
        _write(self._pointer, json.dumps({"place": str(place)}))
        return place

    @property
    def programs(self) -> Path:
        """Programs shared by hosts in namespaces."""
        return self._place / "programs"

    @property
    def plain_programs(self) -> Path:
        """Programs shared by hosts without namespaces; separate, since they contain their own path."""
        return self._place / "plain-programs"

    @property
    def interpreter_copy(self) -> Path:
        return self._place / "python"

    def folder_of(self, host: str) -> HostFolder:
        return HostFolder(self._place / "hosts" / host)

    def console_of(self, host: str) -> Path:
        return self._hosts / f"{host}.log"

    def save(self, record: HostRecord) -> None:
        _write(self._hosts / f"{record.id}.json", json.dumps(asdict(record)))

    def forget(self, host: str) -> None:
        (self._hosts / f"{host}.json").unlink(missing_ok=True)

    def records(self) -> Iterator[HostRecord]:
        """All recorded hosts; unreadable records are skipped."""
        for path in sorted(self._hosts.glob("*-*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError):
                found = json.loads(path.read_text())
                for name in ("outer", "init"):
                    found[name] = ProcessIdentity(**found[name]) if found.get(name) else None
                yield HostRecord(**found)

    def remove_private_place(self) -> None:
        """Delete the folder outside the cloud's folder, if there is one."""
        if self._place != self.folder:
            remove_tree(self._place)
            self._pointer.unlink(missing_ok=True)
            if (self.folder / "volumes").is_symlink():
                (self.folder / "volumes").unlink()


def _write(path: Path, text: str) -> None:
    written = path.with_suffix(".new")
    written.write_text(text)
    written.chmod(0o600)
    written.replace(path)
