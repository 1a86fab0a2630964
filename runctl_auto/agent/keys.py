"""The keys of the objects in a job's bucket, which runctl and the agent share."""

from __future__ import annotations

from typing import Final

RUNS_PREFIX: Final = "runs/"
CHECKPOINTS_PREFIX: Final = "checkpoints/"


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
