"""The shape of ``status.json``, the durable status of a run, and of what is in it."""

from __future__ import annotations

from typing import Final, TypedDict

from runctl_auto.agent.contract import PHASES, SCHEMA, Phase


class CheckpointCountJson(TypedDict):
    """The checkpoints that a run has saved on all its machines."""

    count: int
    last: str | None
    last_at: str | None


UNSAVED_CHECKPOINT: Final = "checkpoint"
UNSAVED_ARTIFACTS: Final = "artifacts"


class UnsavedJson(TypedDict):
    """Something that could not be saved. ``what`` is ``checkpoint`` or ``artifacts``; ``path`` is None when
    all of it is concerned, or for a summary of further files.
    """

    what: str
    path: str | None
    why: str


class SuspectJson(TypedDict):
    """A checkpoint that is kept apart, since ``path`` was being written when it was saved."""

    sequence: str
    path: str
    why: str


class ResumeJson(TypedDict):
    """A start from a checkpoint. ``failure`` says how it failed right at the start; None if it did not."""

    checkpoint: str
    failure: str | None


class TryJson(TypedDict):
    """A try that failed and was followed by another one. ``number`` counts from 1; times are RFC 3339."""

    number: int
    started_at: str
    ended_at: str
    reason: str
    exit_code: int | None
    message: str | None


class UsageJson(TypedDict):
    """What a machine has, None if unknown, and what its agent has sent to object storage: requests, and
    bytes in their bodies.
    """

    cpus: int | None
    memory_gb: float | None
    requests: int
    sent_bytes: int


class _EveryMachineJson(TypedDict):
    """A machine of a run. ``launched_at`` is the cloud's time, ``seen_at`` the agent's last write on it;
    ``ended_at`` is None while it runs, and if it vanished. ``price_hour`` is in USD, None if unknown.
    """

    id: str
    type: str | None
    zone: str | None
    market: str | None
    launched_at: str
    seen_at: str
    ended_at: str | None
    price_hour: float | None


class PartOfMachineJson(TypedDict, total=False):
    """What statuses of earlier versions lack."""

    usage: UsageJson


class MachineJson(_EveryMachineJson, PartOfMachineJson):
    """A machine of a run."""


class DataProgressJson(TypedDict):
    """Progress of staging the data sources."""

    files: int
    files_total: int
    bytes: int
    bytes_total: int


class TrainingValueJson(TypedDict):
    """The last value of a training metric. ``axis`` is what ``step`` counts; ``recent`` are values of the run
    in order, at even distances, the last one among them.

    A value is a number, or one of the texts NaN, Infinity and -Infinity.
    """

    name: str
    axis: str
    step: float
    value: float | str
    at: str
    recent: list[float | str]


class GpuUseJson(TypedDict):
    """A GPU: the share of time in which it computed, and bytes of its memory. None: not known."""

    use: float | None
    memory: int | None
    memory_total: int | None


class MachineUseJson(TypedDict):
    """The machine at one moment. None: not known. ``cpu`` is the share of all processors since the last
    look; memory and disk are bytes in use and in all, the disk being that of the work folder; the network's
    bytes count from the machine's boot.
    """

    at: str
    cpu: float | None
    memory: int | None
    memory_total: int | None
    disk: int | None
    disk_total: int | None
    network_received: int | None
    network_sent: int | None
    gpus: list[GpuUseJson]


class MetricsSummaryJson(TypedDict):
    """How the run goes, in a few numbers. The whole is at ``metrics_key``."""

    training: list[TrainingValueJson]
    machine: MachineUseJson | None


class NodePhase:
    """What a node of a run on several machines does, beside the phases of a run."""

    ABSENT: Final = "absent"
    """It has not come yet, or not come back."""
    LOST: Final = "lost"
    """It was there and answers no more."""
    READY: Final = "ready"
    """It waits for the others."""


NODE_PHASES = frozenset({*PHASES, NodePhase.ABSENT, NodePhase.LOST, NodePhase.READY})


class NodeJson(TypedDict):
    """A node of a run on several machines as node 0 sees it: the last ``instance`` and ``address`` that it
    had, its phase (``NODE_PHASES``) and since when, and the exit code of its command, once that has ended.
    """

    node: int
    instance: str | None
    address: str | None
    phase: str
    since: str
    exit_code: int | None


class _EveryStatusJson(TypedDict):
    schema: int
    job: str
    run: str
    attempt: int
    node: int
    instance: str | None
    phase: str
    exit_code: int | None
    reason: str | None
    message: str | None
    started_at: str | None
    updated_at: str | None
    ended_at: str | None
    phases: dict[str, float]
    resumed_from: str | None
    checkpoints: CheckpointCountJson
    artifacts: dict[str, int] | None
    log_parts: int
    unsaved: list[UnsavedJson]
    suspect: SuspectJson | None
    resumes: list[ResumeJson]


class StatusJson(_EveryStatusJson, total=False):
    """``status.json``: the durable status of a run. Times are RFC 3339 in UTC."""

    data: DataProgressJson
    tries: list[TryJson]
    machines: list[MachineJson]
    """All machines of the run, in order; absent in statuses of earlier versions."""
    metrics: MetricsSummaryJson
    """Absent before the first look at them, and in statuses of earlier versions."""
    nodes: list[NodeJson]
    """The nodes of a run on several machines, by number; absent on one."""


def new_status(job: str, run: str, started_at: str) -> StatusJson:
    """The status of a run before anything is known about it."""
    return {
        "schema": SCHEMA,
        "job": job,
        "run": run,
        "attempt": 1,
        "node": 0,
        "instance": None,
        "phase": Phase.BOOTING,
        "exit_code": None,
        "reason": None,
        "message": None,
        "started_at": started_at,
        "updated_at": None,
        "ended_at": None,
        "phases": {},
        "resumed_from": None,
        "checkpoints": {"count": 0, "last": None, "last_at": None},
        "artifacts": None,
        "log_parts": 0,
        "unsaved": [],
        "suspect": None,
        "resumes": [],
    }
