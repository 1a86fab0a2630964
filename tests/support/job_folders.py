"""A folder of job files, and a backend and a cloud that say what they are told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

from support.counting_job import write_job
from support.job_stacks import instance_state, stack_config, stack_state
from support.sessions import fake_provider, fake_session

from runctl_auto.backend.backend import Backend
from runctl_auto.backend.history import HistoryRecord
from runctl_auto.engine.driver import Driver
from runctl_auto.jobs.folder.look import Looked, look_at_folder
from runctl_auto.jobs.folder.options import FolderOptions
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.session import Session
from runctl_auto.providers.contract import Machine, RunKey
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState

AT = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def status(phase: str = "running", **changes: Any) -> RunStatus:
    """Of a run that was heard of just now."""
    values = {"run": "r1", "phase": phase, "updated_at": AT.isoformat(), "instance": "i-1", **changes}
    return RunStatus(**values)


class FolderWorld:
    """``folder`` holds job files; ``stacks``, ``statuses`` and ``machines`` are what is known of jobs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "jobs"
        self.folder.mkdir(exist_ok=True)
        self.records: dict[str, HistoryRecord] = {}
        self.states: dict[str, StackState] = {}
        self.statuses: dict[str, Any] = {}
        self.machines: dict[str, str] = {}
        self.asked: list[str] = []
        self.here: dict[str, dict[str, str]] = {}
        provider = fake_provider()
        provider.statuses.side_effect = self._statuses
        provider.machines.side_effect = self._machines
        driver = create_autospec(Driver, instance=True)
        driver.backend = create_autospec(Backend, instance=True)
        driver.backend.stack_names.side_effect = lambda: tuple(sorted(self.states))
        driver.backend.newest_records.side_effect = lambda: dict(self.records)
        driver.config_here.side_effect = self.here.get
        driver.states.side_effect = lambda names, _told=None: {name: self.states[name] for name in names}
        base = fake_session(root, driver=driver, provider=provider)
        self.session: Session = replace(base, time=replace(base.time, now=lambda: AT))

    def write(self, name: str, **changes: Any) -> Path:
        return write_job(self.folder, name, **changes)

    def look(self, **options: Any) -> Looked:
        return look_at_folder(self.session, self.folder, FolderOptions(**options))

    def order(self, job: str, **options: Any) -> Order:
        return next(each for each in self.look(**options).orders if each.job == job)

    def apply(self, job: str, **changes: Any) -> StackConfig:
        """Makes the stack what applying the file as it is now would make it; ``changes`` of its config."""
        order = self.order(job)
        checked = stack_config(run=replace(stack_config().run, id="r1"))
        spec = checked.job.model_copy(update={"name": job, "max_duration": 3600})
        config = replace(checked, job=spec, source=order.source, fingerprint=order.fingerprint, **changes)
        self.record(job, config)
        self.states[job] = replace(stack_state(instance_state()), version=f"{job}-1")
        self.statuses[job] = status()
        self.machines["i-1"] = "running"
        return config

    def record(self, job: str, config: StackConfig, *, kind: str = "update", succeeded: bool = True) -> None:
        self.records[job] = HistoryRecord(kind, succeeded, AT, AT, config.to_values())

    def _statuses(self, runs: Sequence[RunKey]) -> list[Any]:
        self.asked += [each.job for each in runs]
        return [self.statuses.get(each.job) for each in runs]

    def _machines(self, machines: Sequence[str]) -> dict[str, Machine]:
        return {each: Machine(each, self.machines.get(each, "gone")) for each in machines}
