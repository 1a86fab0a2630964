"""Jobs of this machine, run by the command line as a user does, without sandbox and engine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.runctl_cli import Runctl

from runctl_auto.agent.local.job_folder import AgentProcess, JobFolder
from runctl_auto.agent.local.leftover import marked_processes


@dataclass
class LocalRunctl(Runctl):
    """`runctl` in `folder`; whoever looks for an engine finds none."""

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("runctl")), *arguments]

    def environment(self) -> dict[str, str]:
        own = {"RUNCTL_LOCAL_ENABLED": "true", "RUNCTL_ENGINE_PATH": str(self.folder / "no-engine")}
        return {**own, **super().environment()}

    def job_folder(self, job: str) -> JobFolder:
        return JobFolder(self.folder.resolve() / ".runctl" / "local" / "jobs" / job)

    def processes(self, job: str) -> tuple[int, ...]:
        return marked_processes(self.job_folder(job))

    def agent(self, job: str) -> int | None:
        """The process of the job's agent, if it lives."""
        folder = self.job_folder(job)
        process = AgentProcess.of(folder)
        return process.pid if process is not None and folder.agent_lives() else None

    def kill_agent(self, job: str) -> bool:
        """Whether there was one to kill."""
        pid = self.agent(job)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: self.agent(job) != pid, "the agent is gone")
        return True

    def status(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json("status", job)
        return found

    def metrics_of(self, job: str, run: str) -> Any:
        return json.loads((self.folder / "runs" / job / run / "model" / "metrics.json").read_text())


def until(condition: Any, what: str, *, seconds: float = 60.0) -> None:
    """Waits for a condition that another process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
