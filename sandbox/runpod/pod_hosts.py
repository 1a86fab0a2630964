"""The processes of the pods: each is a host of the sandbox whose first process is the pod's start command.

There are no images: whatever a pod's image is, its command finds this machine's system, and Python. Without a
command it idles, as RunPod's own images do once their services have started.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shlex
import shutil
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from sandbox.hosts.binds import PROGRAMS_INSIDE, Bind, make_mount_points, view_of
from sandbox.hosts.end_of_host import end_processes
from sandbox.hosts.host import HostSetting
from sandbox.hosts.host_environment import host_environment
from sandbox.hosts.host_folder import HostFolder, give_to, make_host_folder, remove_tree
from sandbox.hosts.host_store import HostRecord, HostStore
from sandbox.hosts.launch import HostStart, HostStartError
from sandbox.hosts.throwaway_user import free_uid

Pod = Mapping[str, Any]
Tell = Callable[[str, str], None]
"""Takes a pod's id and the status that its processes have come to."""


_IDLE = ("/bin/sh", "-c", "while :; do sleep 3600; done")
_GRACE_SECONDS = 2.0
_VOLUMES = "network-volumes"


class RunsPods(Protocol):
    """What runs the pods. Methods may be called from any thread; none waits for a pod."""

    def start(self, pod: Pod, environment: Mapping[str, str]) -> None: ...

    def end(self, pod: str, *, keep_disk: bool = False, at_once: bool = False) -> None: ...

    def console(self, pod: str) -> bytes: ...

    def forget_volume(self, volume: str) -> None: ...


class PodHosts:
    """Runs pods as hosts. `prepare` makes what they share when the first one starts, a second at most; `tell`
    is told of the pods."""

    def __init__(self, folder: Path, prepare: Callable[[], HostSetting]) -> None:
        self.tell: Tell = _tell_nobody
        self._folder = folder
        self._prepare = prepare
        self._prepared: HostSetting | None = None
        self._lock = threading.Lock()
        self._records: dict[str, HostRecord] = {}
        self._gone: set[str] = set()
        """Pods that were deleted, also while they were about to start."""
        self._moving: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """Held while a pod starts or ends."""

    def adopt(self) -> frozenset[str]:
        """Follows the pods that an earlier process started; their ids."""
        if not (self._folder / "hosts").is_dir():
            return frozenset()
        for record in HostStore.existing(self._folder).records():
            pod = record.id.removeprefix("pod-")
            self._records[pod] = record
            threading.Thread(target=self._follow, args=(pod, record), daemon=True).start()
        return frozenset(self._records)

    def start(self, pod: Pod, environment: Mapping[str, str]) -> None:
        threading.Thread(target=self._boot, args=(dict(pod), dict(environment)), daemon=True).start()

    def end(self, pod: str, *, keep_disk: bool = False, at_once: bool = False) -> None:
        arguments = {"keep_disk": keep_disk, "at_once": at_once}
        threading.Thread(target=self._end, args=(pod,), kwargs=arguments, daemon=True).start()

    def end_all(self) -> None:
        """Kills all pods and blocks until they have ended; what they wrote is deleted."""
        with self._lock:
            records = list(self._records.values())
        for record in records:
            end_processes(record)
        if self._prepared is not None:
            self._prepared.store.remove_private_place()

    def console(self, pod: str) -> bytes:
        """All that the pod's processes have written."""
        try:
            return (self._folder / "hosts" / f"pod-{pod}.log").read_bytes()
        except OSError:
            return b""

    def forget_volume(self, volume: str) -> None:
        if self._prepared is not None:
            remove_tree(self._prepared.store.volumes / _VOLUMES / volume)

    def _setting(self) -> HostSetting:
        with self._lock:
            if self._prepared is None:
                self._prepared = self._prepare()
            return self._prepared

    def _boot(self, pod: dict[str, Any], environment: dict[str, str]) -> None:
        identity = str(pod["id"])
        try:
            setting = self._setting()
            with self._moving[identity]:
                if identity in self._gone:
                    return
                record = self._made(setting, identity)
                record = record.started(self._launched(setting, pod, environment, record))
                self._keep(setting, identity, record)
        except (HostStartError, OSError, ValueError) as error:
            self._note(identity, f"the container cannot be started: {error}")
            self.tell(identity, "ERROR")
            return
        self.tell(identity, "RUNNING")
        self._follow(identity, record)

    def _made(self, setting: HostSetting, identity: str) -> HostRecord:
        """The pod's record and folder: a new one, or the kept disk of a pod that was stopped."""
        known = self._records.get(identity)
        if known is not None:
            return replace(known, boot=known.boot + 1)
        uid = None
        if setting.throwaway_users:
            uid = free_uid(each.uid or 0 for each in setting.store.records())
        folder = setting.store.folder_of(f"pod-{identity}")
        remove_tree(folder.path)
        make_host_folder(
            folder, hostname=identity, pip_files=setting.settings.pip_files, linked=not setting.namespaces
        )
        if uid is not None:
            for shared in (folder.path.parent, folder.path, folder.volumes, folder.devices, folder.by_id):
                shared.chmod(0o711)
            give_to(folder.root, uid)
        mark = f"pod-{identity}-{secrets.token_hex(8)}"
        record = HostRecord(f"pod-{identity}", 1, 0, mark, "", uid, plain=not setting.namespaces)
        self._keep(setting, identity, record)
        return record

    def _launched(
        self, setting: HostSetting, pod: Pod, environment: Mapping[str, str], record: HostRecord
    ) -> Any:
        folder = setting.store.folder_of(record.id)
        mounts = self._mounts(setting, pod, record)
        view = None
        if setting.namespaces:
            view = view_of(folder, setting.store.programs, setting.interpreter, setting.settings.folders)
            view = replace(view, binds=(*view.binds, *mounts))
            if record.boot == 1:
                make_mount_points(folder, view)
        else:
            _link(folder, mounts)
        own = host_environment(
            mark=record.mark,
            root=None if setting.namespaces else folder.root,
            programs=PROGRAMS_INSIDE if setting.namespaces else setting.store.plain_programs,
            cloud_url=setting.cloud_url,
            metadata_url="",
            settings=setting.settings.environment,
            library_path=setting.interpreter.library_path,
        )
        del own["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
        command = tuple(shlex.split(pod["args"])) or _IDLE
        path = setting.store.console_of(record.id)
        console = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            start = HostStart(
                folder, str(pod["id"]), {**own, **environment}, console, _found(command, own["PATH"])
            )
            return setting.launcher.start(start, view, record.uid)
        finally:
            os.close(console)

    def _mounts(self, setting: HostSetting, pod: Pod, record: HostRecord) -> list[Bind]:
        found = []
        for mount in pod["mounts"].get("network", ()):
            source = setting.store.volumes / _VOLUMES / mount["volumeId"]
            source.mkdir(parents=True, exist_ok=True)
            if record.uid is not None:
                os.chown(source, record.uid, record.uid)
            found.append(Bind(source, Path(mount["path"]), writable=True))
        return found

    def _follow(self, pod: str, record: HostRecord) -> None:
        """Blocks until the pod's first process has ended, and tells it."""
        watch = record.init.watch() if record.init else None
        if watch is not None:
            try:
                select.select([watch], [], [])
            finally:
                os.close(watch)
        end_processes(record)
        self.tell(pod, "EXITED")

    def _end(self, pod: str, *, keep_disk: bool, at_once: bool) -> None:
        with self._moving[pod]:
            if not keep_disk:
                self._gone.add(pod)
            record = self._records.get(pod)
            if record is not None:
                self._halt(pod, record, keep_disk=keep_disk, at_once=at_once)

    def _halt(self, pod: str, record: HostRecord, *, keep_disk: bool, at_once: bool) -> None:
        if record.init is not None and not at_once:
            record.init.signal(signal.SIGTERM)
            watch = record.init.watch()
            if watch is not None:
                select.select([watch], [], [], _GRACE_SECONDS)
                os.close(watch)
        end_processes(record)
        if not keep_disk:
            self._remove(pod, record)

    def _remove(self, pod: str, record: HostRecord) -> None:
        setting = self._setting()
        remove_tree(setting.store.folder_of(record.id).path)
        setting.store.forget(record.id)
        with self._lock:
            self._records.pop(pod, None)

    def _keep(self, setting: HostSetting, pod: str, record: HostRecord) -> None:
        with self._lock:
            self._records[pod] = record
        setting.store.save(record)

    def _note(self, pod: str, text: str) -> None:
        with contextlib.suppress(OSError), (self._folder / "hosts" / f"pod-{pod}.log").open("a") as log:
            log.write(f"{text}\n")


def _tell_nobody(pod: str, status: str) -> None:
    """Until somebody listens."""


def _link(folder: HostFolder, mounts: list[Bind]) -> None:
    """Without mounts of its own, a host reaches its volumes by links."""
    for mount in mounts:
        link = folder.root / mount.target.relative_to("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(mount.source)


def _found(command: tuple[str, ...], path: str) -> tuple[str, ...]:
    """The command with its program's path, which a launcher does not look for."""
    program = command[0]
    if "/" in program:
        return command
    return (shutil.which(program, path=path) or program, *command[1:])
