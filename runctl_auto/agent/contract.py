"""The contract between runctl and the agent: bucket keys, phases, reasons, times and file formats.

Both sides import this module; it does no I/O. It is part of the agent's bundle, and the user data carries the
definitions that the bootstrap uses. Running machines keep the contract that they were started with, so both
sides must still be able to read files from before a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypedDict, get_args

SCHEMA: Final = 1
"""The version of ``spec.json`` and ``status.json``, their field ``schema``."""


class Phase:
    """The phases of a run."""

    BOOTING: Final = "booting"
    FETCHING: Final = "fetching"
    SETUP: Final = "setup"
    RUNNING: Final = "running"
    STOPPING: Final = "stopping"
    SUCCEEDED: Final = "succeeded"
    FAILED: Final = "failed"
    STOPPED: Final = "stopped"
    INTERRUPTED: Final = "interrupted"
    """This machine ended but the run did not: a replacement continues it."""


TERMINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED})
"""The run has ended for good: it needs no machine, and no more state is written for it."""
LIVE_PHASES = (Phase.BOOTING, Phase.FETCHING, Phase.SETUP, Phase.RUNNING, Phase.STOPPING)
"""The phases of a run that has a machine, in order."""
PHASES = frozenset({*LIVE_PHASES, *TERMINAL_PHASES, Phase.INTERRUPTED})
TIMED_AS: Mapping[str, str] = {
    Phase.BOOTING: "boot",
    Phase.FETCHING: "fetch",
    Phase.SETUP: "setup",
    Phase.RUNNING: "run",
    Phase.STOPPING: "upload",
}
"""The keys in ``status.json`` under which the seconds of each phase are counted."""


class Reason:
    """Why a run ended or was interrupted."""

    COMPLETED: Final = "completed"
    SETUP_FAILED: Final = "setup_failed"
    COMMAND_FAILED: Final = "command_failed"
    LEFT_PROCESSES: Final = "left_processes"
    """The command succeeded but left busy processes behind: a retry would do the same."""
    AGENT_ERROR: Final = "agent_error"
    INTERRUPTION: Final = "interruption"
    MAX_DURATION: Final = "max_duration"
    IDLE_DURATION: Final = "idle_duration"
    BUDGET: Final = "budget"
    DOWN: Final = "down"
    REPLACE: Final = "replace"
    USER: Final = "user"
    NODES_MISSING: Final = "nodes_missing"
    """A node of a run on several machines did not come in time."""


RETRIED_AS: Mapping[str, str] = {
    Reason.INTERRUPTION: "interruption",
    Reason.SETUP_FAILED: "error",
    Reason.COMMAND_FAILED: "error",
}
"""The event of ``retry.on_events`` that a reason counts as. A run that ended for any other reason is never
retried: it succeeded, was stopped on purpose, or would end the same way again.
"""


class Event:
    """What people are told of."""

    END: Final = "end"
    """The run succeeded, or was stopped."""
    FAILURE: Final = "failure"
    INTERRUPTION: Final = "interruption"
    BUDGET: Final = "budget"
    SILENCE: Final = "silence"
    """A machine that runs has not reported for some time."""


NoticeEvent = Literal["end", "failure", "interruption", "budget", "silence"]
EVENTS: tuple[NoticeEvent, ...] = get_args(NoticeEvent)
NoticeFormat = Literal["auto", "slack", "json"]
FORMATS: tuple[NoticeFormat, ...] = get_args(NoticeFormat)


class Sent:
    """What became of a notice, as its mark says."""

    SENDING: Final = "sending"
    SENT: Final = "sent"
    FAILED: Final = "failed"
    """It certainly did not arrive."""
    UNKNOWN: Final = "unknown"
    """It may have arrived."""


class Background:
    """What to do with processes that still run when the command has returned."""

    FAIL: Final = "fail"
    """Idle ones are ended; the run fails if they are busy."""
    WAIT: Final = "wait"
    STOP: Final = "stop"


BACKGROUNDS = frozenset({Background.FAIL, Background.WAIT, Background.STOP})

DEFAULT_SHELL: Final = "bash -e"
"""What runs setup and the command: a program and its options; ``-c`` and the script are appended."""

SHELLS = frozenset({"ash", "bash", "dash", "fish", "ksh", "ksh93", "mksh", "rbash", "sh", "zsh"})
"""Programs that only wait for the processes that they start."""

StopReason = Literal["down", "replace", "user"]
STOP_REASONS: tuple[StopReason, ...] = (Reason.DOWN, Reason.REPLACE, Reason.USER)
"""The reasons that a stop request may give."""

HEARTBEAT_SECONDS: Final = 15
"""How often the agent writes the status when nothing else changes it, in the first minutes."""
LATER_HEARTBEAT_SECONDS: Final = 30
"""The same after the first minutes."""
LATER_STOP_SECONDS: Final = 15
"""How often the agent looks for a stop request after the first minutes."""
GRACE_SECONDS: Final = 30
"""How long a job that is stopped may take to save and exit, unless the stop request sets another value."""
REPORTING_SECONDS: Final = 60
"""Additional time for the agent, after the grace, to upload the last checkpoint and the artifacts."""
STOP_BEFORE_DEADLINE_SECONDS: Final = 60
"""How long before the machine's hard deadline the agent stops the job."""
DEADLINE_SLACK_SECONDS: Final = 600
"""Time between a limit of the run and its machine's hard deadline, in which the agent can end the run by
itself.
"""
END_SCHEDULE_SLACK_SECONDS: Final = 600
"""Time between that deadline and termination by the cloud's schedule. It counts from the machine's creation;
the deadline counts from its first boot, which may be minutes later.
"""

MOST_STATUS_BYTES: Final = 512 * 1024
MOST_MANIFEST_BYTES: Final = 32 * 1024 * 1024
MOST_SPEC_BYTES: Final = 1024 * 1024
MOST_METRICS_BYTES: Final = 1024 * 1024
MOST_REQUEST_BYTES: Final = 4096
"""Of a stop request, and of the choice of a checkpoint."""
MOST_ENTRIES: Final = 100_000
"""Files, folders, links, problems and extents in a manifest together."""
MOST_SEQUENCE: Final = 99_999_999
"""The largest number of a checkpoint, a log part or an attempt."""
MOST_PACKAGE_BYTES: Final = 1024 * 1024 * 1024
MOST_SPANS_BYTES: Final = 4 * 1024 * 1024
"""Of a part of a machine's spans."""
MOST_SPANS: Final = 1000
"""In a part."""
MOST_TRACED_BYTES: Final = 64 * 1024
MOST_MACHINES: Final = 200
"""Of a run, that its status lists: the last ones."""
MOST_MESSAGE: Final = 2000
"""Characters of a status's message."""
MOST_NOTE: Final = 300
"""Characters of each other text of a status: what is longer is cut."""
LOG_PART_BYTES: Final = 1024 * 1024
"""The size of a full log part, before secrets in it are replaced."""

MOST_NODES: Final = 64
"""Machines of a run."""
MOST_ADDRESS_BYTES: Final = 4096

RUNS_PREFIX: Final = "runs/"
CHECKPOINTS_PREFIX: Final = "checkpoints/"

PackageKind = Literal["code", "part", "agent"]
PACKAGE_SUFFIXES: Mapping[PackageKind, str] = {"code": ".tar.gz", "part": ".tar", "agent": ".pyz"}
PARTS_LISTING: Final = ".runctl/parts.json"
"""The first file in the code package of a large work folder: a list of ``PartJson``. Nothing else of this
folder travels."""
MOST_CODE_PARTS: Final = 10_000


class PartJson(TypedDict):
    """A part of a large work folder, as an object of its own (``package_key``): ``bytes`` of the object."""

    sha256: str
    bytes: int


def package_key(kind: PackageKind, sha256: str) -> str:
    """The key of the package with this content."""
    folder = "code" if kind == "part" else kind
    return f"{folder}/{sha256}{PACKAGE_SUFFIXES[kind]}"


def run_prefix(run: str) -> str:
    """The prefix of all objects of one run, except its checkpoints."""
    return f"{RUNS_PREFIX}{run}/"


def spec_key(run: str) -> str:
    """The key of the agent's spec: a ``SpecJson``."""
    return f"{run_prefix(run)}spec.json"


def status_key(run: str) -> str:
    """The key of the run's durable status: a ``StatusJson``."""
    return f"{run_prefix(run)}status.json"


def node_status_key(run: str, node: int) -> str:
    """The key of the status of one node of a run on several machines, a ``StatusJson``; node 0 writes the
    run's own (``status_key``).
    """
    return status_key(run) if node == 0 else f"{run_prefix(run)}nodes/{node}/status.json"


def address_key(run: str) -> str:
    """The key of where the nodes of a run meet, an ``AddressJson``: the agent of node 0 writes it."""
    return f"{run_prefix(run)}nodes/0/address.json"


def control_prefix(run: str) -> str:
    """The prefix of what the run's machine is told, or what is noted of it: it cannot write there."""
    return f"{run_prefix(run)}control/"


def stop_key(run: str) -> str:
    """The key of the stop request: a ``StopJson``."""
    return f"{run_prefix(run)}control/stop.json"


def logs_prefix(run: str) -> str:
    """The prefix of the log parts of all nodes of a run."""
    return f"{run_prefix(run)}logs/"


def node_logs_prefix(run: str, node: int) -> str:
    """The prefix of the log parts of one node, numbered from 0."""
    return f"{logs_prefix(run)}{node}/"


def log_part_name(number: int) -> str:
    """The name of a log part below its node's prefix. Parts are immutable and sort by name."""
    return f"{numbered(number)}.log"


def log_part_number(name: str) -> int | None:
    """The number of the log part with this name; None for the name of anything else."""
    number, dot, suffix = name.partition(".")
    return int(number) if dot and suffix == "log" and is_sequence(number) else None


def metrics_key(run: str, node: int = 0) -> str:
    """The key of the metrics of one node of a run: a ``MetricsJson`` of ``agent.metrics.document``."""
    return f"{run_prefix(run)}metrics/{node}.json"


def notices_prefix(run: str) -> str:
    """The prefix of the marks of notices that the machine may send."""
    return f"{run_prefix(run)}notices/"


def watchers_prefix(run: str) -> str:
    """The prefix of the marks of notices about the machine, which it cannot write."""
    return f"{run_prefix(run)}control/notices/"


def traces_prefix(run: str) -> str:
    """The prefix of the spans that the run's machines recorded, where the run is traced."""
    return f"{run_prefix(run)}traces/"


def machine_traces_prefix(run: str, machine: str) -> str:
    """The prefix of the spans of one machine."""
    return f"{traces_prefix(run)}{machine}/"


def span_part_key(run: str, machine: str, number: int) -> str:
    """The key of a part of them: a ``SpanPartJson``. Parts are immutable and numbered from 0."""
    return f"{machine_traces_prefix(run, machine)}{numbered(number)}.json"


def traced_key(run: str) -> str:
    """The key of what of them has been sent on, a ``TracedJson``, which the machine cannot write."""
    return f"{run_prefix(run)}control/traced.json"


def artifacts_prefix(run: str) -> str:
    """The prefix of a run's artifacts: ``file_key`` for each, and ``manifest_key`` written last."""
    return f"{run_prefix(run)}artifacts/"


def lineage_prefix(lineage: str) -> str:
    """The prefix of the checkpoints of one lineage."""
    return f"{CHECKPOINTS_PREFIX}{lineage}/"


def checkpoint_prefix(lineage: str, sequence: str) -> str:
    """The prefix of one checkpoint: ``file_key`` for each file, and ``manifest_key`` written last."""
    return f"{lineage_prefix(lineage)}{sequence}/"


def manifest_key(prefix: str) -> str:
    """The key of the manifest of a checkpoint or of artifacts; without it they are incomplete."""
    return f"{prefix}manifest.json"


def file_key(prefix: str, path: str) -> str:
    """The key of a file of a checkpoint or of artifacts."""
    return f"{prefix}files/{path}"


def pack_key(prefix: str, number: int) -> str:
    """The key of an object of a checkpoint that holds many small files."""
    return f"{prefix}packs/{numbered(number)}"


def part_prefix(prefix: str, node: int | None) -> str:
    """The prefix of what one node stored of a checkpoint of several, with a manifest of its own; ``prefix``
    itself for None.
    """
    return prefix if node is None else f"{prefix}nodes/{node}/"


def chosen_key(lineage: str) -> str:
    """The key of the checkpoint that a person has chosen for the next start: a ``ChosenJson``."""
    return f"{lineage_prefix(lineage)}chosen.json"


def numbered(number: int) -> str:
    """A number as written in keys: 8 digits, so that keys sort by number."""
    return f"{number:08d}"


def is_sequence(name: str) -> bool:
    """Whether this is a number as written in keys."""
    return len(name) == len(numbered(0)) and name.isascii() and name.isdigit()


class PackageJson(TypedDict):
    """A package in the bucket."""

    key: str
    sha256: str


class _EveryUserDataJson(TypedDict):
    job: str
    run: str
    region: str
    bucket: str
    account: str
    agent: PackageJson
    spec_key: str
    spec_sha256: str
    """``spec.spec_digest`` of the spec."""
    mounts: str
    """A digest of the volumes, which are mounted only at the start. Not read on the machine."""
    market: str
    """The market of the machine, ``spot`` or ``on-demand``. Not read on the machine: the AWS provider detects
    no change when an instance changes from spot to on-demand.
    """
    deadline_seconds: int | None
    """Time from the machine's first boot to its hard deadline; None without one."""


class PartOfUserDataJson(TypedDict, total=False):
    """What the configuration of a group's machine holds beside that of a single instance."""

    group: str
    """The name of the group that replaces the machine; absent for a single instance."""
    ends_at: int
    """The run's latest end, which bounds the deadline of every machine; seconds since the epoch."""
    node: int
    """Which of several machines it is, from 0; absent for a run on one machine."""


class UserDataJson(_EveryUserDataJson, PartOfUserDataJson):
    """The configuration in a machine's user data. Changing it replaces the machine."""


class AgentConfigJson(UserDataJson):
    """The agent's configuration on the machine. Times are seconds since the epoch."""

    booted_at: float
    deadline_at: float | None


class _EveryVolumeJson(TypedDict):
    name: str
    id: str
    mount: str


class VolumeJson(_EveryVolumeJson, total=False):
    """A volume of a run. ``mount`` is an absolute path.

    ``device`` is the name under which the machine attaches the volume to itself; absent when the stack
    attaches it.
    """

    device: str


class CheckpointsJson(TypedDict):
    """Where checkpoints are in the work folder, how often they are saved, how many are kept."""

    path: str
    every_seconds: float
    keep: int


class ArtifactsJson(TypedDict):
    """Paths in the work folder."""

    paths: list[str]


class _EveryLimitJson(TypedDict):
    """Limits of a run. None: no limit, or unknown. Amounts are USD."""

    max_duration_seconds: float | None
    idle_duration_seconds: float | None
    budget: float | None
    price_hour: float | None


class RetryJson(TypedDict):
    """How often setup and the command are tried in all, on all machines of the run."""

    max_attempts: int


class LimitsJson(_EveryLimitJson, total=False):
    """The limits, and what machines cost where those of a run differ."""

    prices: dict[str, float]
    """USD an hour by ``<type> <market>``; ``price_hour`` is then the highest, None when one is unknown."""


class SecretJson(TypedDict):
    """An environment variable of the job and the parameter that holds its value."""

    name: str
    parameter: str


class DataStrategy:
    """How data come to the job."""

    STAGE: Final = "stage"
    """Files in the work folder, copied before the job begins."""
    DIRECT: Final = "direct"
    """The job reads the objects itself."""
    CACHE: Final = "cache"
    """The job reads the objects itself and keeps them in a folder of the machine."""
    VOLUME: Final = "volume"
    """Files on a volume, copied once; a link in the work folder leads there."""
    SNAPSHOT: Final = "snapshot"
    """As ``volume``; the volume was made from a snapshot that holds the files."""


DATA_STRATEGIES = frozenset(
    {DataStrategy.STAGE, DataStrategy.DIRECT, DataStrategy.CACHE, DataStrategy.VOLUME, DataStrategy.SNAPSHOT}
)
ON_A_VOLUME = frozenset({DataStrategy.VOLUME, DataStrategy.SNAPSHOT})


class _EveryDataJson(TypedDict):
    """The objects below a prefix of a bucket, and the path in the work folder where the job finds them."""

    bucket: str
    prefix: str
    path: str


class DataJson(_EveryDataJson, total=False):
    """Data of a job. Without ``strategy`` they are staged; ``volume`` names the one that keeps them."""

    strategy: str
    volume: str


class NotifyJson(TypedDict, total=False):
    """Who is told of the run. ``webhook`` is the parameter that holds an address, ``format`` one of auto,
    slack and json; ``command`` is run on the machine; ``on`` are the events.
    """

    webhook: str
    format: str
    command: str
    on: list[str]


class TraceJson(TypedDict):
    """Where a traced run belongs. ``parent`` is the ``traceparent`` of the command that decided it."""

    parent: str


class RegistryLoginJson(TypedDict, total=False):
    """How a machine logs in to a registry: with ``username`` and the parameter that holds the ``password``,
    whose variable is ``name``; or, with a ``region`` alone, to one of AWS there by its own role.
    """

    registry: str
    username: str
    name: str
    password: str
    region: str


class ContainerJson(TypedDict, total=False):
    """The container that the job runs in. ``image`` names it by its digest, or by the id that it has on this
    machine.
    """

    image: str
    login: RegistryLoginJson


class _EveryRunJson(TypedDict):
    schema: int
    job: str
    run: str
    attempt: int
    lineage: str
    node: int
    nodes: int
    setup: str | None
    command: str
    background: str
    shell: str
    env: dict[str, str]
    code: PackageJson
    checkpoints: CheckpointsJson
    artifacts: ArtifactsJson
    limits: LimitsJson
    retry: RetryJson
    secrets: list[SecretJson]
    data: list[DataJson]


class ElasticJson(TypedDict):
    """How many of several nodes go on, and after how many seconds, without others that are lost."""

    min: int
    wait_seconds: float


class PartOfRunJson(TypedDict, total=False):
    """What ``spec.json`` holds where people are told of the run, where it is traced, where it runs in a
    container, and where several nodes may be fewer.
    """

    container: ContainerJson
    notify: NotifyJson
    trace: TraceJson
    elastic: ElasticJson


class RunJson(_EveryRunJson, PartOfRunJson):
    """``spec.json`` without the volumes, whose ids are known once they are created."""


class SpecJson(RunJson):
    """``spec.json``: what the agent runs."""

    volumes: list[VolumeJson]


class AddressJson(TypedDict):
    """``address.json``: where the agent of node 0 listens for the others. ``attempt`` is the run's, ``key``
    a secret in hex that tells the run's own agents from strangers; ``at`` is an RFC 3339 time.
    """

    instance: str
    attempt: int
    address: str
    port: int
    key: str
    at: str


class StopJson(TypedDict):
    """``stop.json``: the stop request. ``at`` is an RFC 3339 time."""

    reason: StopReason
    grace_seconds: float
    at: str


class SpanEventJson(TypedDict):
    """A moment of a span; microseconds since the epoch."""

    name: str
    at_us: int


class SpanJson(TypedDict):
    """A span of a machine. ``id`` and ``parent`` have 16 hex digits, times are microseconds since the epoch,
    ``error`` is the type of what ended it.
    """

    id: str
    parent: str
    name: str
    start_us: int
    end_us: int
    error: str | None
    attributes: dict[str, str | int | float | bool]
    events: list[SpanEventJson]


class SpanPartJson(TypedDict):
    """A part of the spans that a machine of a traced run recorded."""

    schema: int
    trace: str
    run: str
    machine: str
    spans: list[SpanJson]


class TracedJson(TypedDict):
    """``traced.json``: what has been sent on. ``parts`` are counted by machine; ``machines`` are those whose
    own spans have been sent.
    """

    parts: dict[str, int]
    machines: list[str]


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


class ChosenJson(TypedDict):
    """``chosen.json``: the checkpoint to start from until one newer than ``newest`` is complete."""

    sequence: str
    newest: str


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
