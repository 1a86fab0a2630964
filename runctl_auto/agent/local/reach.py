"""What a person has run beside a job of this machine: a command, a shell, a look at its processes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.job_surroundings import Surroundings, job_processes, job_surroundings
from runctl_auto.agent.job.processes import ProcProcessTable
from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.job_folder import MARK, JobFolder
from runctl_auto.agent.machine.machine import run_program
from runctl_auto.agent.machine.machine_use import machine_use
from runctl_auto.agent.reach.reach_contract import CANNOT_SERVE, EXEC, PS, SHELL
from runctl_auto.agent.reach.remote_command import RemoteCommand
from runctl_auto.agent.reach.shell import become_shell
from runctl_auto.agent.store.folder_store import FolderStore

_PROC = Path("/proc")


def main(arguments: Sequence[str]) -> int:
    """``FOLDER VERB …`` with a verb of ``reach_contract``; the process's exit code."""
    try:
        return _served(JobFolder(Path(arguments[0])), arguments[1], list(arguments[2:]))
    except (AgentError, OSError, IndexError, ValueError) as error:
        sys.stderr.write(f"runctl: {error}\n")
        return CANNOT_SERVE


def _served(folder: JobFolder, verb: str, rest: list[str]) -> int:
    record = AgentRecord.of(folder)
    if verb == EXEC:
        identity, sha256 = rest
        around, store = _around(folder, record), FolderStore(folder.store)
        _print(RemoteCommand(record.config(0.0), identity, sha256, store, around).run())
        return 0
    if verb == PS:
        table = ProcProcessTable()
        job = folder.job_record(record.run)
        _print(machine_use(lambda: job_processes(job, table), table, run_program))
        return 0
    if verb == SHELL:
        become_shell(_around(folder, record), rest[0], as_user_of_job=False)
    raise AgentError(f"a job of this machine does not know '{verb}'")


def _around(folder: JobFolder, record: AgentRecord) -> Surroundings:
    own = {name.encode(): os.fsencode(value) for name, value in record.environment.items()}
    own[MARK.encode()] = os.fsencode(folder.path)
    return job_surroundings(record.config(0.0), folder.run(record.run), ProcProcessTable(), own, _PROC)


def _print(told: object) -> None:
    sys.stdout.write(json.dumps(told, separators=(",", ":")) + "\n")
