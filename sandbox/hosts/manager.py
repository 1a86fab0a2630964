"""Reconciles the hosts with the cloud: one host per running instance, ended and deleted as in EC2.

Hosts are separate processes: if the manager is killed they keep running, and the next manager adopts them.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from sandbox.hosts.cloud_client import AttachedVolume, CloudClient, CloudError, Instance, Snapshot
from sandbox.hosts.end_of_host import cut_power, end_processes
from sandbox.hosts.host import Host, HostSetting
from sandbox.hosts.host_store import HostStore
from sandbox.hosts.launch import HostStartError
from sandbox.hosts.volume_folders import VolumeFolders

_POLL_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_RETRY_SECONDS = 1.0
_ENDING = ("shutting-down", "stopping")
_GONE = "terminated"


def stop_hosts(store: HostStore) -> None:
    """Kill all recorded hosts, whoever started them."""
    records = list(store.records())
    for record in records:
        cut_power(record)
    for record in records:
        end_processes(record)
        store.save(replace(record, ended=True, outer=None, init=None))


class Manager:
    """Runs the hosts of one cloud until stopped."""

    def __init__(self, setting: HostSetting, client: CloudClient, say: Callable[[str], None]) -> None:
        self._setting = setting
        self._client = client
        self._say = say
        self._hosts: dict[str, Host] = {}
        self._volumes = VolumeFolders(setting.store.volumes)
        self._selector = selectors.DefaultSelector()
        self._watched: dict[str, int] = {}
        self._latest: Snapshot | None = None
        self._unfinished = False
        self._adopted = False
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)

    def stop(self) -> None:
        """Make `run` end all hosts and return; may be called from a signal handler."""
        self._stopping.set()
        self._wake()

    def run(self) -> None:
        """Reconcile until `stop`; only the hosts' console logs remain afterwards."""
        threading.Thread(target=self._follow_cloud, daemon=True, name="cloud").start()
        handled: Snapshot | None = None
        while not self._stopping.is_set():
            self._wait(_RETRY_SECONDS if self._unfinished else None)
            snapshot = self._latest
            if snapshot and (snapshot is not handled or self._unfinished):
                self._unfinished = False
                self._reconcile(snapshot)
                handled = snapshot
            self._note_ended(handled)
        self.end_all()

    def end_all(self) -> None:
        """The sandbox stops: kill all hosts, and delete the files outside the sandbox's folder."""
        for host in self._hosts.values():
            host.close()
        stop_hosts(self._setting.store)
        self._setting.store.remove_private_place()

    def _follow_cloud(self) -> None:
        since, pause = -1, _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                snapshot = self._client.snapshot(since, _POLL_SECONDS)
            except CloudError as error:
                self._say(f"the cloud does not answer: {error}")
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if snapshot.version != since:
                since, self._latest = snapshot.version, snapshot
                self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b".")

    def _wait(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            if key.fd == self._wake_read:
                os.read(self._wake_read, 4096)

    # -- reconciliation ------------------------------------------------------------------------------------

    def _reconcile(self, snapshot: Snapshot) -> None:
        instances = {instance.id: instance for instance in snapshot.instances}
        if not self._adopted:
            self._adopt_all(instances)
        self._remove_gone(instances)
        for instance in snapshot.instances:
            if instance.state == "running" and instance.id not in self._hosts:
                self._create(instance)
        self._arrange_volumes(snapshot)
        for instance in snapshot.instances:
            if instance.id in self._hosts:
                self._follow(self._hosts[instance.id], instance)
            elif instance.state in _ENDING:
                self._report(instance.id, instance.boot)

    def _adopt_all(self, instances: dict[str, Instance]) -> None:
        """Adopt the hosts of an earlier manager, including those whose instance no longer exists."""
        self._adopted = True
        for record in self._setting.store.records():
            forgotten = Instance(record.id, region="", zone="", type="", state=_GONE, boot=record.boot)
            self._hosts[record.id] = Host(self._setting, instances.get(record.id, forgotten), record)
            self._say(f"{record.id}: adopted, {'running' if record.alive else 'not running'}")

    def _remove_gone(self, instances: dict[str, Instance]) -> None:
        for name in list(self._hosts):
            if name not in instances or instances[name].state == _GONE:
                host = self._hosts.pop(name)
                self._unwatch(name)
                if not host.record.ended:
                    host.note_end()
                self._volumes.release_all(host.for_volumes)
                host.remove()
                self._say(f"{name}: removed")

    def _create(self, instance: Instance) -> None:
        try:
            user_data = self._client.user_data(instance)
            self._hosts[instance.id] = Host.create(self._setting, instance, user_data)
        except (CloudError, OSError) as error:
            self._say(f"{instance.id}: cannot be made: {error}")
            self._unfinished = True

    def _arrange_volumes(self, snapshot: Snapshot) -> None:
        wanted: dict[str, tuple[AttachedVolume, ...]] = {
            instance.id: tuple(volume for volume in instance.volumes if not volume.root)
            for instance in snapshot.instances
            if instance.state != _GONE
        }
        places = {name: host.for_volumes for name, host in self._hosts.items()}
        try:
            self._volumes.keep_snapshots(snapshot.snapshots, places)
            self._volumes.arrange(wanted, places, snapshot.volumes)
        except OSError as error:
            self._say(f"volumes: {error}")
            self._unfinished = True

    def _follow(self, host: Host, instance: Instance) -> None:
        host.tell(instance)
        alive = host.record.alive
        if instance.state == "running":
            if host.record.boot < instance.boot:
                self._boot(host, instance)
            elif host.record.ended:
                self._report(instance.id, host.record.boot)
            else:
                host.set_power(instance.power)
        elif instance.state in _ENDING:
            if alive:
                host.ask_to_end()
                self._unfinished = True  # asked again: a first process that does not listen yet hears nothing
            else:
                self._report(instance.id, instance.boot)
        elif instance.state == "stopped" and alive:
            host.note_end()
        self._watch(host)

    def _boot(self, host: Host, instance: Instance) -> None:
        began = time.monotonic()
        self._unwatch(instance.id)
        try:
            host.start(instance)
        except (HostStartError, OSError) as error:
            self._say(f"{instance.id}: does not start: {error}")
            self._report(instance.id, instance.boot)
            return
        self._say(f"{instance.id}: boot {instance.boot} after {time.monotonic() - began:.3f} s")

    # -- ends ----------------------------------------------------------------------------------------------

    def _watch(self, host: Host) -> None:
        name = host.record.id
        if name in self._watched or host.record.init is None:
            return
        descriptor = host.record.init.watch()
        if descriptor is None:
            self._wake()
        else:
            self._watched[name] = descriptor
            self._selector.register(descriptor, selectors.EVENT_READ, name)

    def _unwatch(self, name: str) -> None:
        if name in self._watched:
            descriptor = self._watched.pop(name)
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _note_ended(self, snapshot: Snapshot | None) -> None:
        """Detect halted machines and report them."""
        if snapshot is None:
            return
        for name, host in self._hosts.items():
            if not host.record.ended and not host.record.alive:
                self._unwatch(name)
                host.note_end()
                self._say(f"{name}: boot {host.record.boot} has ended")
                self._report(name, host.record.boot)

    def _report(self, name: str, boot: int) -> None:
        try:
            self._client.report_ended(name, boot)
        except CloudError as error:
            self._say(f"{name}: its end cannot be reported: {error}")
            self._unfinished = True
