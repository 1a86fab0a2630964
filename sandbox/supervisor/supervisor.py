"""The supervisor: keeps cloud, provider and hosts running; each cloud has its own state."""

import os
import secrets
import select
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sandbox.access.keys import keys_file, new_keys, save_keys
from sandbox.hosts.machine_settings import is_passed_on as host_settings
from sandbox.supervisor import lost_jobs, record
from sandbox.supervisor.child import SUPERVISOR
from sandbox.supervisor.left_hosts import HOSTS_SCRIPT, stop_left_hosts
from sandbox.supervisor.part_process import Command, Keeps, PartProcess, clean_environment, keeps_nothing
from sandbox.supervisor.process_identity import identify
from sandbox.supervisor.record import Part, Record

CLOUD = "cloud"
PROVIDER = "provider"
HOSTS = "hosts"
RUNPOD = "runpod"

_SANDBOX = Path(__file__).resolve().parents[1]
_START_SECONDS = 90.0
_PATIENCE = {RUNPOD: 10.0, HOSTS: 10.0, PROVIDER: 5.0, CLOUD: 5.0}
_SHORT_LIFE = 5.0
_FAST_DEATHS = 5
_POLL_SECONDS = 0.02


class PartFailed(Exception):
    """A part of the sandbox did not start or keeps exiting."""


class PartEnded(PartFailed):
    """A part exited before it was ready."""


class StopAsked(Exception):
    """The supervisor was asked to stop."""


class Supervisor:
    """Runs in its own process; `run` returns after SIGTERM, once all parts have ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[str, PartProcess] = {}
        self._deaths: dict[str, int] = {}
        self._ports: dict[str, int] = {}
        identity = identify(os.getpid())
        started = identity.started if identity else ""
        self._record = Record(record.STARTING, Part(os.getpid(), started))
        self._stop_asked = False
        self._wake, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def run(self) -> None:
        self._publish(self._record)
        try:
            self._new_life()
            while True:
                self._tend()
                if not self._ended():
                    self._sleep(None)
        except StopAsked:
            self._end_all()
            self._publish(replace(self._record, phase=record.ENDED))
        except PartFailed as failure:
            self._end_all()
            self._publish(replace(self._record, phase=record.FAILED, message=str(failure)))

    def _on_stop(self, *_: object) -> None:
        self._stop_asked = True

    def _new_life(self) -> None:
        """Start a new cloud with its own id and backend, and its other parts."""
        cloud_id = secrets.token_hex(6)
        folder = self._cloud_folder(cloud_id)
        for name in ("state", "volumes", "hosts", "logs"):
            (folder / name).mkdir(mode=0o700, parents=True)
        record.write_whole(folder / "passphrase", secrets.token_urlsafe(32))
        save_keys(keys_file(folder), new_keys())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._publish(
                replace(self._record, phase=record.STARTING, cloud_id=cloud_id, cloud_url=url, parts={})
            )
            listener.set_inheritable(True)
            self._launch(self._cloud_command(folder, listener.fileno()))
        self._launch(self._provider_command(folder))
        self._launch(self._hosts_command(folder))
        self._launch(self._runpod_command(folder))
        self._await_ready(*self._parts.values())
        self._publish(replace(self._record, phase=record.READY))

    def _tend(self) -> None:
        """Restart parts that have ended; if the cloud has ended, replace it and all parts."""
        ended = self._ended()
        if any(part.name == CLOUD for part in ended):
            self._lose_the_cloud()
        for part in ended:
            if self._parts.get(part.name) is part:
                self._revive(part)

    def _ended(self) -> list[PartProcess]:
        return [part for part in self._parts.values() if part.exit_code is not None]

    def _lose_the_cloud(self) -> None:
        cloud_id = self._record.cloud_id
        self._count_death(self._parts[CLOUD])
        self._publish(replace(self._record, phase=record.STARTING, message="the cloud ended"))
        self._end_all()
        lost_jobs.note(self._folder, lost_jobs.jobs_in(self._cloud_folder(cloud_id) / "state"))
        self._new_life()
        self._publish(replace(self._record, message=""))

    def _revive(self, part: PartProcess) -> None:
        """Restart a part for the same cloud, again if it ends during startup."""
        self._publish(replace(self._record, phase=record.STARTING))
        while True:
            self._count_death(part)
            command = part.command
            if part.name in (PROVIDER, RUNPOD):
                anew = {PROVIDER: self._provider_command, RUNPOD: self._runpod_command}
                command = anew[part.name](self._cloud_folder(self._record.cloud_id))
            part = self._launch(command, part.restarts + 1)
            with suppress(PartEnded):
                self._await_ready(part)
                break
        self._publish(replace(self._record, phase=record.READY))

    def _count_death(self, part: PartProcess) -> None:
        """Give up on a part that repeatedly ends right after its start."""
        short = time.monotonic() - part.began < _SHORT_LIFE
        self._deaths[part.name] = self._deaths.get(part.name, 0) + 1 if short else 1
        if self._deaths[part.name] > _FAST_DEATHS:
            raise PartFailed(f"the {part.name} process keeps ending: {part.last_words()}")

    def _launch(self, command: Command, restarts: int = 0) -> PartProcess:
        part = PartProcess.start(command, restarts)
        self._parts[part.name] = part
        self._publish(self._record.with_part(part.name, part.as_record()))
        return part

    def _await_ready(self, *parts: PartProcess) -> None:
        """Wait until all are ready; raises as soon as one has ended."""
        give_up = time.monotonic() + _START_SECONDS
        waiting = list(parts)
        while waiting:
            for part in list(waiting):
                if part.exit_code is not None:
                    raise PartEnded(
                        f"the {part.name} process ended with code {part.exit_code}: {part.last_words()}"
                    )
                if self._take_readiness(part):
                    waiting.remove(part)
            if waiting and time.monotonic() > give_up:
                names = ", ".join(part.name for part in waiting)
                raise PartFailed(f"not ready after {_START_SECONDS:.0f} s: {names}")
            if waiting:
                self._sleep(_POLL_SECONDS)

    def _take_readiness(self, part: PartProcess) -> bool:
        """Record a part's port once it is ready."""
        ready = part.readiness()
        if ready is None:
            return False
        if isinstance(ready.get("port"), int):
            self._ports[part.name] = ready["port"]
        if part.name == HOSTS:
            self._record = replace(
                self._record,
                isolation=str(ready.get("isolation", "")),
                isolation_reason=str(ready.get("isolation_reason", "")),
            )
        self._publish(self._record.with_part(part.name, part.as_record()))
        return True

    def _end_all(self) -> None:
        """End the hosts first, while their cloud still responds, then the others."""
        for name in (RUNPOD, HOSTS, PROVIDER, CLOUD):
            part = self._parts.pop(name, None)
            if part is not None:
                part.ask_to_end()
                orderly = part.end(_PATIENCE[name])
                if name in (RUNPOD, HOSTS) and not orderly:
                    stop_left_hosts(part.command.ready_file.parent)

    def _publish(self, new: Record) -> None:
        self._record = new
        record.save(self._folder, new)

    def _sleep(self, seconds: float | None) -> None:
        """Sleep until a signal arrives, or for `seconds`."""
        if not self._stop_asked:
            ready, _, _ = select.select([self._wake], [], [], seconds)
            if ready:
                os.read(self._wake, 4096)
        if self._stop_asked:
            raise StopAsked

    def _cloud_folder(self, cloud_id: str) -> Path:
        return self._folder / "clouds" / cloud_id

    def _cloud_command(self, folder: Path, listener: int) -> Command:
        script = _SANDBOX / "aws" / "cloud" / "serve.py"
        arguments = [
            "--cloud-id",
            folder.name,
            "--keys",
            str(keys_file(folder)),
            "--listen-fd",
            str(listener),
            "--consoles",
            str(folder / "hosts"),
        ]
        return self._command(CLOUD, folder, script, arguments, inherited=(listener,))

    def _provider_command(self, folder: Path) -> Command:
        """Use the previous port, so that engines and stack settings stay valid."""
        port = self._ports.get(PROVIDER)
        arguments = ["--keys", str(keys_file(folder)), "--assets", str(assets_folder(self._folder))]
        arguments += ["--port", str(port)] if port else []
        return self._command(PROVIDER, folder, _SANDBOX / "aws" / "provider" / "serve.py", arguments)

    def _hosts_command(self, folder: Path) -> Command:
        arguments = [
            "--cloud",
            self._record.cloud_url,
            "--keys",
            str(keys_file(folder)),
            "--folder",
            str(folder),
        ]
        return self._command(HOSTS, folder, HOSTS_SCRIPT, arguments, kept=host_settings)

    def _runpod_command(self, folder: Path) -> Command:
        """Use the previous port, so that engines and pods find it again."""
        port = self._ports.get(RUNPOD)
        arguments = [
            "--keys",
            str(keys_file(folder)),
            "--cloud",
            self._record.cloud_url,
            "--folder",
            str(folder / RUNPOD),
            *(["--port", str(port)] if port else []),
        ]
        return self._command(RUNPOD, folder, _SANDBOX / "runpod" / "serve.py", arguments, kept=host_settings)

    def _command(
        self,
        name: str,
        folder: Path,
        script: Path,
        arguments: list[str],
        *,
        inherited: tuple[int, ...] = (),
        kept: Keeps = keeps_nothing,
    ) -> Command:
        ready_file = folder / f"{name}.ready"
        additions = {
            SUPERVISOR: str(os.getpid()),
            "AWS_ENDPOINT_URL": self._record.cloud_url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        return Command(
            name,
            [sys.executable, "-I", str(script), "--ready-file", str(ready_file), *arguments],
            ready_file,
            folder / "logs" / f"{name}.log",
            clean_environment(additions, kept),
            inherited,
        )


def assets_folder(folder: Path) -> Path:
    """The folder below which the provider reads assets: runctl's packages, beside the sandbox's folder."""
    return folder.parent / "packages"


def remove_clouds(folder: Path) -> None:
    """Delete the folders of finished clouds, including folders without permissions."""
    clouds = folder / "clouds"
    for path, folders, _ in os.walk(clouds):
        for name in folders:
            inner = Path(path) / name
            if not inner.is_symlink():
                inner.chmod(0o700)
    if clouds.exists():
        shutil.rmtree(clouds)
