"""One host: its folder, its processes, its metadata service, from first boot to termination."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.hosts.binds import PROGRAMS_INSIDE, make_mount_points, view_of
from sandbox.hosts.cloud_client import Instance
from sandbox.hosts.end_of_host import end_processes
from sandbox.hosts.frozen_host import freeze
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.host_environment import host_environment
from sandbox.hosts.host_folder import HostFolder, give_to, make_host_folder, remove_tree
from sandbox.hosts.host_store import HostRecord, HostStore
from sandbox.hosts.interpreter import Interpreter
from sandbox.hosts.last_words import keep_journals
from sandbox.hosts.launch import HostStart, Launcher
from sandbox.hosts.machine_settings import MachineSettings
from sandbox.hosts.metadata_service import Metadata, MetadataServer, Sources, host_name
from sandbox.hosts.throwaway_user import free_uid
from sandbox.hosts.volume_folders import HostOfVolumes


@dataclass(frozen=True)
class HostSetting:
    """Settings shared by all hosts of a sandbox."""

    store: HostStore
    launcher: Launcher
    namespaces: bool
    interpreter: Interpreter
    settings: MachineSettings
    cloud_url: str
    sources: Sources
    throwaway_users: bool = False
    """Run each host as a separate user (plain hosts of a root caller)."""


class Host:
    """A recorded host. Its methods block; none may be called from two threads at once."""

    def __init__(self, setting: HostSetting, instance: Instance, record: HostRecord) -> None:
        self.record = record
        self._setting = setting
        self._power = "on"
        self._metadata = Metadata(instance, setting.sources)
        self._server = _serve_metadata(self._metadata, record)
        if self._server.port != record.imds_port:
            self._keep(replace(record, imds_port=self._server.port))

    @classmethod
    def create(cls, setting: HostSetting, instance: Instance, user_data: bytes) -> Host:
        """Create a machine with a new root volume, not started yet."""
        uid = (
            free_uid(record.uid or 0 for record in setting.store.records())
            if setting.throwaway_users
            else None
        )
        folder = setting.store.folder_of(instance.id)
        remove_tree(folder.path)
        make_host_folder(
            folder,
            hostname=host_name(instance),
            pip_files=setting.settings.pip_files,
            linked=not setting.namespaces,
        )
        HostLayout(folder.root).user_data.write_bytes(user_data)
        if uid is not None:
            for shared in (folder.path.parent, folder.path, folder.volumes, folder.devices, folder.by_id):
                shared.chmod(0o711)
            folder.by_id.chmod(0o755)
            give_to(folder.root, uid)
        folder.root.chmod(0o700)
        host = cls(
            setting,
            instance,
            HostRecord(
                instance.id,
                0,
                0,
                f"{instance.id}-{secrets.token_hex(8)}",
                secrets.token_urlsafe(24),
                uid,
                plain=not setting.namespaces,
            ),
        )
        host._keep(host.record)
        return host

    @property
    def folder(self) -> HostFolder:
        return self._setting.store.folder_of(self.record.id)

    @property
    def for_volumes(self) -> HostOfVolumes:
        return HostOfVolumes(self.folder, self.record.uid)

    def tell(self, instance: Instance) -> None:
        """Update the instance's description from the cloud."""
        self._metadata.instance = instance

    def start(self, instance: Instance) -> None:
        """Boot. Raises HostStartError; the boot then counts as ended."""
        setting, folder = self._setting, self.folder
        self.end_processes()
        self._keep(replace(self.record, boot=instance.boot, outer=None, init=None, ended=True))
        view = None
        if setting.namespaces:
            extra = setting.settings.folders
            view = view_of(folder, setting.store.programs, setting.interpreter, extra)
            if instance.boot <= 1 or not (folder.root / "usr").is_dir():
                make_mount_points(folder, view)
        programs = PROGRAMS_INSIDE if setting.namespaces else setting.store.plain_programs
        environment = host_environment(
            mark=self.record.mark,
            root=None if setting.namespaces else folder.root,
            programs=programs,
            cloud_url=setting.cloud_url,
            metadata_url=self._server.url,
            settings=setting.settings.environment,
            library_path=setting.interpreter.library_path,
        )
        with _console(setting.store.console_of(self.record.id)) as console:
            start = HostStart(folder, host_name(instance), environment, console)
            self._keep(self.record.started(setting.launcher.start(start, view, self.record.uid)))

    def set_power(self, power: str) -> None:
        """Let the machine work (`on`), hang with all that runs on it (`frozen`), or halt at once (`cut`)."""
        if power == "cut":
            self.end_processes()
        elif power != self._power:
            freeze(self.record, frozen=power == "frozen")
        self._power = power

    def ask_to_end(self) -> None:
        """Request an orderly shutdown; may be repeated. A machine that hangs is halted at once."""
        if self._power == "frozen":
            self.end_processes()
        if self.record.init:
            self.record.init.signal(signal.SIGTERM)

    def end_processes(self) -> None:
        """Kill all processes of the host immediately, as in a power failure."""
        end_processes(self.record)

    def note_end(self) -> None:
        """Record that the machine has halted or died: kill remaining processes and keep its journals."""
        self.end_processes()
        keep_journals(self.folder.root, self._setting.store.console_of(self.record.id))
        self._keep(replace(self.record, ended=True, outer=None, init=None))

    def remove(self) -> None:
        """Delete a terminated instance's host and root volume. Its volumes must be detached already."""
        self.end_processes()
        self.close()
        remove_tree(self.folder.path)
        self._setting.store.forget(self.record.id)

    def close(self) -> None:
        """Stop the metadata service; the host itself keeps running."""
        self._server.close()

    def _keep(self, record: HostRecord) -> None:
        self.record = record
        self._setting.store.save(record)


def _serve_metadata(metadata: Metadata, record: HostRecord) -> MetadataServer:
    """Serve on the host's known port, or on another one if that is in use."""
    try:
        return MetadataServer(metadata, record.imds_secret, record.imds_port)
    except OSError:
        return MetadataServer(metadata, record.imds_secret)


@contextlib.contextmanager
def _console(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
