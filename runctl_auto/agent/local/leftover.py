"""What a killed agent left running: found by its record and by the mark that every process of a job has."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from runctl_auto.agent.job.job_process import end_leftover
from runctl_auto.agent.job.processes import ProcessTable, ProcProcessTable
from runctl_auto.agent.local.in_container import end_container
from runctl_auto.agent.local.job_folder import MARK, JobFolder

_PROC = Path("/proc")
KILL_SECONDS = 5.0
_LOOK_SECONDS = 0.05


def end_left(folder: JobFolder, run: str) -> bool:
    """Ends what a killed agent of ``run`` left running, also what has left the job's sessions; whether there
    was anything. Blocks for some seconds at most."""
    recorded = end_leftover(folder.job_record(run), ProcProcessTable())
    return end_marked(folder) or recorded


def marked_processes(folder: JobFolder, proc: Path = _PROC) -> tuple[int, ...]:
    """The living processes of the job, its agent too, in order. Those of other users are not looked at."""
    wanted = f"{MARK}={folder.path}".encode()
    found = []
    for entry in os.scandir(proc):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                variables = (proc / entry.name / "environ").read_bytes()
            except OSError:
                continue
            if wanted in variables.split(b"\0"):
                found.append(int(entry.name))
    return tuple(sorted(found))


def end_marked(
    folder: JobFolder,
    *,
    table: ProcessTable | None = None,
    seconds: float = KILL_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> bool:
    """Ends every process of the job, its agent too: SIGTERM, then SIGKILL. Whether there was any; blocks."""
    processes = table or ProcProcessTable()
    deadline, asked = clock() + seconds, False
    while True:
        left = marked_processes(folder)
        late = clock() >= deadline
        if not left or (late and clock() >= deadline + seconds):
            end_container(folder)
            return asked  # the proof of the teardown tells of those that do not end
        for pid in left:
            if not asked or late:
                processes.signal(pid, signal.SIGKILL if late else signal.SIGTERM)
        asked = True
        wait(_LOOK_SECONDS)
