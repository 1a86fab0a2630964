"""Starts the agent of a job: detached, in a session and process group of its own, holding the job's lock."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.job_folder import MARK, JobFolder

_PROGRAM = Path(__file__).with_name("start.py")


def spawn(
    folder: JobFolder, record: AgentRecord, lock: int, *, secrets: Mapping[str, str] | None = None
) -> None:
    """Starts it with the environment that the record holds; ``secrets`` reach it by a pipe, from memory to
    memory. Returns at once. ``lock`` stays held by the agent after the caller has closed it.

    Raises OSError when it cannot be started.
    """
    folder.temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = [record.python, "-I", "-S", str(_PROGRAM), str(folder.path), str(lock)]
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    console = os.open(folder.console, flags, 0o600)
    try:
        process = subprocess.Popen(
            words,
            cwd=folder.path,
            env={**record.environment, MARK: str(folder.path)},
            stdin=subprocess.DEVNULL if secrets is None else subprocess.PIPE,
            stdout=console,
            stderr=console,
            pass_fds=(lock,),
            start_new_session=True,
        )
    finally:
        os.close(console)
    process.returncode = 0  # nobody waits for it: it outlives this process
    if process.stdin is not None and secrets is not None:
        with process.stdin as given:
            given.write(json.dumps(dict(secrets)).encode())
