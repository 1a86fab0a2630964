"""What a watcher makes of a job: whether its run goes on, has ended, or has lost its machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from runctl_auto.backend.history import HistoryRecord
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.follow.heartbeat import HUNG_SECONDS, is_hung, silent_node
from runctl_auto.jobs.job import parse_config
from runctl_auto.providers.contract import GONE, Machine
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig

_DESTROY = "destroy"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A job in one round. ``machine`` is the one that the state names, ``runs`` whether the cloud says that
    it has not ended; ``silent_seconds`` since its agent was last seen to report, or it was first seen.
    ``has_group``: the cloud itself makes the next machine. ``machines``: how many the state names.
    """

    config: StackConfig
    status: RunStatus | None
    machine: str | None
    runs: bool
    was_placed: bool
    silent_seconds: float
    has_group: bool = False
    machines: int = 1

    @property
    def misses_one(self) -> bool:
        """Whether some of its machines go on while another could not be had."""
        return self.config.job.elastic is not None and self.machines < self.config.job.nodes


Verdict = Literal["ended", "goes-on", "not-placed"]


def judge(seen: Seen, *, hung_seconds: float = HUNG_SECONDS) -> Verdict | Lost:
    """What is to be done about a job: nothing, or its machine is lost."""
    status, machine = seen.status, seen.machine
    if status is not None and status.ended:
        return "ended"
    if seen.has_group and (machine is None or not seen.runs):
        return "goes-on"
    if machine is None:
        # A run that never had a machine was not made, or is being made: that is the business of its `up`.
        return Lost(Machine("", GONE), status) if seen.was_placed else "not-placed"
    if not seen.runs:
        return Lost(Machine(machine, GONE), status)
    node = silent_node(status, hung_seconds=hung_seconds)
    hung = None if node is None else node["instance"]
    if is_hung(machine, status, seen.silent_seconds, hung_seconds=hung_seconds):
        hung = machine
    if hung is None and seen.misses_one:
        return Lost(Machine("", GONE), status, is_missing=True)
    return "goes-on" if hung is None else Lost(Machine(hung, "running"), status, is_hung=True)


def was_applied(history: Sequence[HistoryRecord], run: str) -> bool:
    """Whether the newest update that succeeded was one of ``run``, and no teardown came after it.
    ``history`` is newest first."""
    for record in history:
        if record.kind == _DESTROY:
            return False
        if record.is_complete_update:
            return _run_of(record) == run
    return False


def _run_of(record: HistoryRecord) -> str | None:
    try:
        config = parse_config(record.config)
    except RunctlError:
        return None
    return config.run.id if config is not None else None
