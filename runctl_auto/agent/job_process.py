"""The job's process: a session of its own, recorded on disk, ended by SIGTERM and then SIGKILL."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.config import write_private
from runctl_auto.agent.processes import ProcessTable, ProcProcessTable

LOOK_EVERY_SECONDS = 0.2
LEFTOVER_GRACE_SECONDS = 5.0


class Job(Protocol):
    """A started script."""

    def poll(self) -> int | None: ...
    def terminate(self, grace_seconds: float) -> int: ...


class ScriptStarter(Protocol):
    """Starts a bash script of the job."""

    def __call__(self, script: str, environment: Mapping[str, str]) -> Job: ...


class JobProcess:
    """A running script. Its leader and whatever it started live in one session."""

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        record: Path,
        table: ProcessTable,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._popen = popen
        self._record = record
        self._table = table
        self._clock = clock
        self._wait = wait

    def poll(self) -> int | None:
        """The exit code once the script has ended (128+n when signal n killed it), None before.

        Processes that the script left behind are ended then, too.
        """
        code = self._popen.poll()
        if code is None:
            return None
        end_session(self._popen.pid, LEFTOVER_GRACE_SECONDS, self._table, self._clock, self._wait)
        self._record.unlink(missing_ok=True)
        return exit_code(code)

    def terminate(self, grace_seconds: float) -> int:
        """SIGTERM to all of it, SIGKILL to what is left after the grace; blocks; returns the exit code."""
        end_session(self._popen.pid, grace_seconds, self._table, self._clock, self._wait)
        code = self._popen.wait()
        self._record.unlink(missing_ok=True)
        return exit_code(code)


def start_script(
    script: str,
    environment: Mapping[str, str],
    *,
    work: Path,
    output: Path,
    record: Path,
    table: ProcessTable | None = None,
) -> JobProcess:
    """Starts `bash -euo pipefail -c script` in `work`, its output appended to `output`.

    The output goes to the file itself, not through the agent: the job outlives a restart of the agent
    without losing a line or its standard output.
    """
    table = table or ProcProcessTable()
    with output.open("ab") as log:
        popen = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=work,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    write_private(record, json.dumps({"pid": popen.pid, "start_ticks": table.start_ticks(popen.pid)}))
    return JobProcess(popen, record, table)


def end_leftover(
    record: Path,
    table: ProcessTable,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> bool:
    """Ends the script that an earlier agent on this machine recorded; whether there was one.

    A process with the recorded number that started at another time is somebody else's and left alone.
    """
    try:
        data = json.loads(record.read_text(encoding="utf-8"))
        leader, ticks = int(data["pid"]), int(data["start_ticks"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    now = table.start_ticks(leader)
    if now is not None and now != ticks:
        record.unlink(missing_ok=True)
        return False
    members = table.session(leader)
    if members:
        end_session(leader, LEFTOVER_GRACE_SECONDS, table, clock, wait)
    record.unlink(missing_ok=True)
    return bool(members)


def end_session(
    leader: int,
    grace_seconds: float,
    table: ProcessTable,
    clock: Callable[[], float],
    wait: Callable[[float], object],
) -> None:
    """Blocks until no process of the session lives."""
    give_up = clock() + grace_seconds
    asked: set[int] = set()
    while True:
        members = table.session(leader)
        if not members:
            return
        late = clock() >= give_up
        for pid in members:
            if late:
                table.signal(pid, signal.SIGKILL)
            elif pid not in asked:
                table.signal(pid, signal.SIGTERM)
                asked.add(pid)
        wait(LOOK_EVERY_SECONDS)


def exit_code(returncode: int) -> int:
    """As a shell tells it: 128+n for a process that signal n killed."""
    return 128 - returncode if returncode < 0 else returncode
