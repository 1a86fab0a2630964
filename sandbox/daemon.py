"""The sandbox of a folder: start, stop, status.

The sandbox is five processes: a supervisor and, under it, the emulated cloud, the provider, the hosts and the
stand-in for RunPod. They outlive the process that started them. Nothing here imports the emulator, so
`status` stays fast.
"""

import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.access.keys import REGISTRIES, CloudKeys, keys_file, load_keys
from sandbox.hosts.machine_settings import is_passed_on as host_settings
from sandbox.supervisor import lost_jobs, record
from sandbox.supervisor.left_hosts import HostsRemain, stop_left_hosts
from sandbox.supervisor.part_process import clean_environment
from sandbox.supervisor.record import Part, Record
from sandbox.supervisor.supervisor import PROVIDER, RUNPOD, remove_clouds

_SUPERVISE = Path(__file__).resolve().parent / "supervisor" / "supervise.py"
_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_PART_SECONDS = 5.0
_LOG_TAIL = 2000
_POLL_SECONDS = 0.02
_HEALTH_SECONDS = 5.0
_CONTROL_SECONDS = 30.0


class SandboxError(Exception):
    """The sandbox did not start or stop; the message says why and what to check."""


@dataclass(frozen=True)
class Endpoints:
    """Endpoints of a running sandbox, the key pair of its cloud and the key of its RunPod, and the jobs lost
    with an earlier cloud (reported once)."""

    cloud_id: str
    cloud_url: str
    provider_port: int
    state_folder: Path
    passphrase_file: Path
    isolation: str
    lost_jobs: tuple[str, ...]
    access_key_id: str
    secret_access_key: str = field(repr=False)
    runpod_url: str = ""
    runpod_api_key: str = field(default="", repr=False)
    registries_url: str = field(default="", repr=False)


@dataclass(frozen=True)
class StopReport:
    """What `stop` found and ended. `jobs` still had resources in the sandbox's cloud."""

    was_running: bool
    cloud_id: str
    ended: tuple[str, ...]
    jobs: tuple[str, ...]


@dataclass(frozen=True)
class ProcessStatus:
    """One process of the sandbox."""

    name: str
    pid: int
    alive: bool
    port: int | None
    restarts: int


@dataclass(frozen=True)
class SandboxStatus:
    """Status of a folder's sandbox: `phase` is 'stopped', 'starting', 'ready', 'failed' or 'crashed'."""

    phase: str
    cloud_id: str
    cloud_url: str
    isolation: str
    isolation_reason: str
    processes: tuple[ProcessStatus, ...]
    message: str

    @property
    def running(self) -> bool:
        return self.phase in (record.STARTING, record.READY)


def ensure_started(folder: Path, *, progress: Callable[[str], None]) -> Endpoints:
    """The sandbox of `folder`, started if it is not running; blocks until it is ready.

    Safe to call from several processes at once: one starts it, the others wait. `progress` receives a line
    per step. Raises SandboxError with the reason when a process does not start.
    """
    folder = folder.resolve()
    _make_private(folder)
    with _locked(folder, progress):
        known = record.load(folder)
        if known is None or known.phase in (record.FAILED, record.ENDED) or not known.alive:
            progress("starting the sandbox")
            _bury(folder, known)
            _start(folder)
        ready = _await_ready(folder, progress)
        return _endpoints(folder, ready)


def stop(folder: Path) -> StopReport:
    """End all processes of the sandbox and delete its clouds; blocks until they are gone. Idempotent."""
    folder = folder.resolve()
    if not folder.is_dir():
        return StopReport(False, "", (), ())
    with _locked(folder, lambda _: None):
        known = record.load(folder)
        report = StopReport(False, "", (), ()) if known is None else _stop(folder, known)
        remove_clouds(folder)
        record.record_file(folder).unlink(missing_ok=True)
        lost_jobs.take_note(folder)
        return report


def status(folder: Path) -> SandboxStatus:
    """Current status of the sandbox of `folder`; never starts, waits or changes anything."""
    known = record.load(folder)
    if known is None:
        return SandboxStatus("stopped", "", "", "", "", (), "")
    phase = "stopped" if known.phase == record.ENDED else known.phase
    if phase in (record.STARTING, record.READY) and not known.alive:
        phase = "crashed"
    named = {"supervisor": known.supervisor, **known.parts}
    processes = tuple(
        ProcessStatus(name, part.pid, part.identity.alive, part.port, part.restarts)
        for name, part in named.items()
    )
    return SandboxStatus(
        phase,
        known.cloud_id,
        known.cloud_url,
        known.isolation,
        known.isolation_reason,
        processes,
        known.message,
    )


def control(
    folder: Path, method: str, path: str, body: Mapping[str, object] | None = None, *, runpod: bool = False
) -> dict[str, Any]:
    """One call of the control interface of the running cloud, or of the stand-in for RunPod; `path` is what
    follows `/sandbox-api/`.

    Raises SandboxError when the sandbox does not run or refuses the call, with its reason.
    """
    known = record.load(folder)
    if known is None or known.phase != record.READY or not known.alive:
        raise SandboxError("the sandbox does not run")
    address = _runpod_url(known) if runpod else known.cloud_url
    return control_at(address, _keys(folder.resolve(), known).bearer, method, path, body)


def control_at(
    url: str, bearer: str, method: str, path: str, body: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """One call of the control interface at an address. Raises SandboxError as `control` does."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=_CONTROL_SECONDS)
    content = None if body is None else json.dumps(body)
    try:
        connection.request(method, f"/sandbox-api/{path}", content, {"Authorization": bearer})
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SandboxError(f"the sandbox's cloud did not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise SandboxError(str(told.get("error") or f"the sandbox's cloud refused {method} {path}"))
    return dict(told)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise SandboxError(f"the sandbox needs a folder of its own: {error}") from error


@contextmanager
def _locked(folder: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the folder's lock, which is released when this process ends."""
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another runctl that starts or stops the sandbox")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(folder: Path) -> None:
    with (folder / "supervisor.log").open("wb") as log:
        try:
            subprocess.run(
                [sys.executable, "-I", str(_SUPERVISE), "--folder", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=clean_environment({}, host_settings),
                check=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise SandboxError(f"the sandbox did not start: {error} {_log_tail(folder)}") from error


def _bury(folder: Path, last: Record | None) -> None:
    """Record the jobs of a cloud that ended without `stop` (crash, reboot), and delete its record."""
    if last is not None and last.cloud_id:
        cloud = _cloud_folder(folder, last.cloud_id)
        _await_processes(last)
        _stop_left_hosts(cloud)
        lost_jobs.note(folder, lost_jobs.jobs_in(cloud / "state"))
    record.record_file(folder).unlink(missing_ok=True)


def _await_ready(folder: Path, progress: Callable[[str], None]) -> Record:
    give_up = time.monotonic() + _START_SECONDS
    told: set[str] = set()
    while time.monotonic() < give_up:
        known = record.load(folder)
        if known is not None:
            for name in known.parts.keys() - told:
                told.add(name)
                if known.phase == record.STARTING:
                    progress(f"{name} started")
            if known.phase == record.FAILED:
                raise SandboxError(f"the sandbox did not start: {known.message} (logs in {folder})")
            if not known.alive:
                raise SandboxError(f"the sandbox's supervisor ended: {_log_tail(folder)}")
            if known.phase == record.READY and known.parts_alive and _is_healthy(known, _keys(folder, known)):
                return known
        time.sleep(_POLL_SECONDS)
    raise SandboxError(f"the sandbox was not ready after {_START_SECONDS:.0f} s (logs in {folder})")


def _keys(folder: Path, known: Record) -> CloudKeys:
    try:
        return load_keys(keys_file(_cloud_folder(folder, known.cloud_id)))
    except (OSError, ValueError) as error:
        raise SandboxError(
            f"the keys of the running sandbox cannot be read, as of one that another version started: {error}"
        ) from error


def _is_healthy(known: Record, keys: CloudKeys) -> bool:
    """Whether the recorded cloud responds and has the recorded id."""
    address = known.cloud_url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/sandbox-api/health", headers={"Authorization": keys.bearer})
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return bool(answer.get("cloud") == known.cloud_id)


def _endpoints(folder: Path, ready: Record) -> Endpoints:
    cloud = _cloud_folder(folder, ready.cloud_id)
    port = ready.parts[PROVIDER].port
    if port is None:
        raise SandboxError(
            "the provider did not say where it listens; run 'runctl sandbox stop' and start again"
        )
    keys = _keys(folder, ready)
    return Endpoints(
        ready.cloud_id,
        ready.cloud_url,
        port,
        cloud / "state",
        cloud / "passphrase",
        ready.isolation,
        lost_jobs.take_note(folder),
        keys.access_key_id,
        keys.secret_access_key,
        _runpod_url(ready),
        keys.runpod_api_key,
        f"{ready.cloud_url}{REGISTRIES}{keys.registries_token}",
    )


def _runpod_url(known: Record) -> str:
    part = known.parts.get(RUNPOD)
    return f"http://127.0.0.1:{part.port}" if part is not None and part.port else ""


def _await_processes(last: Record) -> None:
    """Wait for a terminating supervisor and the processes under it."""
    for name, part in {"supervisor": last.supervisor, **last.parts}.items():
        if not _await_end(part, _PART_SECONDS):
            _end_part(name, part)


def _stop_left_hosts(cloud: Path) -> None:
    try:
        stop_left_hosts(cloud)
    except HostsRemain as error:
        raise SandboxError(f"hosts of the sandbox still run ({cloud}): {error}") from error


def _stop(folder: Path, known: Record) -> StopReport:
    jobs = lost_jobs.jobs_in(_cloud_folder(folder, known.cloud_id) / "state") if known.cloud_id else []
    was_running = known.alive
    if was_running:
        _signal(known.supervisor.pid, signal.SIGTERM)
        if not _await_end(known.supervisor, _STOP_SECONDS):
            _signal(known.supervisor.pid, signal.SIGKILL)
    last = record.load(folder) or known
    for name, part in last.parts.items():
        _end_part(name, part)
    if last.cloud_id and last.phase not in (record.ENDED, record.FAILED):
        _stop_left_hosts(_cloud_folder(folder, last.cloud_id))
    return StopReport(was_running, known.cloud_id, tuple(sorted(last.parts)), tuple(jobs))


def _end_part(name: str, part: Part) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not part.identity.alive:
            return
        _signal(part.pid, number)
        if _await_end(part, _PART_SECONDS):
            return
    raise SandboxError(f"process {part.pid} ({name}) of the sandbox does not end; end it yourself")


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _await_end(part: Part, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while part.identity.alive:
        if time.monotonic() > give_up:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _cloud_folder(folder: Path, cloud_id: str) -> Path:
    return folder / "clouds" / cloud_id


def _log_tail(folder: Path) -> str:
    try:
        return (folder / "supervisor.log").read_text(errors="replace")[-_LOG_TAIL:].strip()
    except OSError:
        return "no log"
