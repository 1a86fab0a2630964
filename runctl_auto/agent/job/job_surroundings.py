"""Environment, folder and user of the job's running command, for others that join it on its machine.

The environment is read from the command's own process: secrets go from memory to memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.containers.joining import RECORD, Joining
from runctl_auto.agent.job.job_environment import DEFAULT_PATH
from runctl_auto.agent.job.job_process import JobRecord
from runctl_auto.agent.job.job_tree import descendants
from runctl_auto.agent.job.processes import Process, ProcessTable
from runctl_auto.agent.start.config import AgentConfig

NOT_RUNNING = "the job's command does not run now: without its environment"


@dataclass(frozen=True)
class Surroundings:
    """``environment`` holds bytes, as the system has them. ``note`` says what is missing of it; ``user`` is
    None where it is the caller's own; ``joining`` is how the job's container is joined, None without one."""

    environment: Mapping[bytes, bytes]
    folder: Path
    user: int | None = None
    group: int | None = None
    note: str | None = None
    joining: Joining | None = None


def job_surroundings(
    config: AgentConfig, folder: Path, table: ProcessTable, inherited: Mapping[bytes, bytes], proc: Path
) -> Surroundings:
    """Those of the run in ``folder``; while none of its commands runs, the machine's own."""
    work = folder / "work"
    present = work if work.is_dir() else Path("/")
    pid = running_command(folder / "job.json", table)
    found = None if pid is None else _of_process(pid, proc)
    joining = Joining.of(folder / RECORD)
    if found is None:
        own = {
            **inherited,
            b"PATH": inherited.get(b"PATH", DEFAULT_PATH.encode()),
            b"RUNCTL_JOB": config.job.encode(),
            b"RUNCTL_RUN_ID": config.run.encode(),
        }
        return Surroundings(own, present, note=NOT_RUNNING, joining=joining)
    environment, user, group = found
    if joining is not None:
        named = (os.fsencode(name) for name, value in joining.variables.items() if value is None)
        given = {name: environment[name] for name in named if name in environment}
        return Surroundings({**inherited, **given}, present, joining=joining)
    if user == os.geteuid():
        return Surroundings(environment, present)
    return Surroundings(environment, present, user, group)


def running_command(record: Path, table: ProcessTable) -> int | None:
    """The process of the job's command, else the oldest one that it left running; None without any."""
    processes = job_processes(record, table)
    try:
        pid = int(json.loads(record.read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if pid in processes:
        return pid
    return min(processes, key=lambda each: processes[each].start_ticks, default=None)


def job_processes(record: Path, table: ProcessTable) -> dict[int, Process]:
    """The living processes of the job that the agent recorded."""
    everything = table.processes()
    sessions = JobRecord(record).sessions(everything)
    members = {pid for pid, process in everything.items() if process.session in sessions}
    members |= descendants(everything, members)
    return {pid: everything[pid] for pid in members if not everything[pid].is_zombie}


def _of_process(pid: int, proc: Path) -> tuple[dict[bytes, bytes], int, int] | None:
    place = proc / str(pid)
    try:
        content, owner = (place / "environ").read_bytes(), place.stat()
    except OSError:
        return None
    pairs = (entry.partition(b"=") for entry in content.split(b"\0") if b"=" in entry)
    environment = {name: value for name, _, value in pairs if name}
    return (environment, owner.st_uid, owner.st_gid) if environment else None
