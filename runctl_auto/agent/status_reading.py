"""Reads ``status.json``, which the machine wrote: every field is checked, others are left out."""

from __future__ import annotations

from runctl_auto.agent.contract import (
    MOST_MACHINES,
    MOST_MESSAGE,
    MOST_NODES,
    MOST_NOTE,
    MOST_SEQUENCE,
    MOST_STATUS_BYTES,
    PHASES,
    SCHEMA,
)
from runctl_auto.agent.metrics.document import read_summary
from runctl_auto.agent.status_format import (
    NODE_PHASES,
    UNSAVED_ARTIFACTS,
    UNSAVED_CHECKPOINT,
    CheckpointCountJson,
    DataProgressJson,
    MachineJson,
    NodeJson,
    PartOfMachineJson,
    ResumeJson,
    StatusJson,
    SuspectJson,
    TryJson,
    UnsavedJson,
    UsageJson,
    new_status,
)
from runctl_auto.agent.untrusted import (
    Fields,
    UnreadableError,
    matching,
    moment,
    number,
    one_of,
    read_object,
    text,
    whole,
)

_MOST_SECONDS = 1e10
_MOST_LISTED = 100
_MOST_PRICE = 1e6
_MOST_MEMORY_GB = 1e6
_NOTE = text(MOST_NOTE)
_SEQUENCE = matching(r"[0-9]{8}")
_WORD = matching(r"[a-z][a-z_]{0,39}")
_IDENTITY = matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ADDRESS = matching(r"[0-9A-Fa-f.:]{2,45}")
_KIND = matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_status(content: bytes, run: str) -> StatusJson:
    """The status of `run`. Raises UnreadableError when it is none, or has a value that it cannot have."""
    found = read_object(content, MOST_STATUS_BYTES)
    schema, phase = found.needed("schema", whole()), found.needed("phase", one_of(PHASES))
    if schema != SCHEMA:
        raise UnreadableError(f"it has schema {schema}, and {SCHEMA} is known")
    if found.given("run", text(MOST_NOTE)) not in (None, run):
        raise UnreadableError("it is the status of another run")
    status = new_status(found.given("job", text(MOST_NOTE)) or "", run, "")
    status["phase"] = phase
    status["attempt"] = found.given("attempt", whole(1, MOST_SEQUENCE)) or 1
    status["node"] = found.given("node", whole(0, MOST_SEQUENCE)) or 0
    status["instance"] = found.given("instance", _IDENTITY)
    status["exit_code"] = found.given("exit_code", whole(0, 255))
    status["reason"] = found.given("reason", _WORD)
    status["message"] = found.given("message", text(MOST_MESSAGE))
    status["started_at"] = found.given("started_at", moment)
    status["updated_at"] = found.given("updated_at", moment)
    status["ended_at"] = found.given("ended_at", moment)
    status["phases"] = found.pairs("phases", _WORD, number(0, _MOST_SECONDS), at_most=20)
    status["resumed_from"] = found.given("resumed_from", _SEQUENCE)
    status["checkpoints"] = found.given("checkpoints", _checkpoints) or status["checkpoints"]
    status["artifacts"] = found.given("artifacts", _artifacts)
    status["log_parts"] = found.given("log_parts", whole(0, MOST_SEQUENCE)) or 0
    status["unsaved"] = found.each("unsaved", _unsaved, _MOST_LISTED)
    status["suspect"] = found.given("suspect", _suspect)
    status["resumes"] = found.each("resumes", _resume, _MOST_LISTED)
    data = found.given("data", _data)
    if data is not None:
        status["data"] = data
    tries = found.each("tries", _try, _MOST_LISTED)
    if tries:
        status["tries"] = tries
    machines = found.each("machines", read_machine, MOST_MACHINES)
    if machines:
        status["machines"] = machines
    nodes = found.each("nodes", _node, MOST_NODES)
    if nodes:
        status["nodes"] = nodes
    metrics = found.given("metrics", read_summary)
    if metrics is not None:
        status["metrics"] = metrics
    return status


def _checkpoints(value: object) -> CheckpointCountJson:
    found = Fields(value)
    return {
        "count": found.given("count", whole()) or 0,
        "last": found.given("last", _SEQUENCE),
        "last_at": found.given("last_at", moment),
    }


def _artifacts(value: object) -> dict[str, int]:
    found = Fields(value)
    return {name: found.needed(name, whole()) for name in ("files", "bytes")}


def _unsaved(value: object) -> UnsavedJson:
    found = Fields(value)
    return {
        "what": found.needed("what", one_of((UNSAVED_CHECKPOINT, UNSAVED_ARTIFACTS))),
        "path": found.given("path", _NOTE),
        "why": found.needed("why", _NOTE),
    }


def _suspect(value: object) -> SuspectJson:
    found = Fields(value)
    return {
        "sequence": found.needed("sequence", _SEQUENCE),
        "path": found.needed("path", _NOTE),
        "why": found.needed("why", _NOTE),
    }


def _resume(value: object) -> ResumeJson:
    found = Fields(value)
    return {"checkpoint": found.needed("checkpoint", _SEQUENCE), "failure": found.given("failure", _NOTE)}


def _try(value: object) -> TryJson:
    found = Fields(value)
    return {
        "number": found.needed("number", whole(1, MOST_SEQUENCE)),
        "started_at": found.needed("started_at", moment),
        "ended_at": found.needed("ended_at", moment),
        "reason": found.needed("reason", _WORD),
        "exit_code": found.given("exit_code", whole(0, 255)),
        "message": found.given("message", _NOTE),
    }


def _usage(value: object) -> UsageJson:
    found = Fields(value)
    return {
        "cpus": found.given("cpus", whole()),
        "memory_gb": found.given("memory_gb", number(0, _MOST_MEMORY_GB)),
        "requests": found.needed("requests", whole()),
        "sent_bytes": found.needed("sent_bytes", whole()),
    }


def read_machine(value: object) -> MachineJson:
    """The entry of a machine. Raises UnreadableError."""
    found = Fields(value)
    usage = found.given("usage", _usage)
    used: PartOfMachineJson = {} if usage is None else {"usage": usage}
    return {
        "id": found.needed("id", _IDENTITY),
        "type": found.given("type", _KIND),
        "zone": found.given("zone", _KIND),
        "market": found.given("market", _KIND),
        "launched_at": found.needed("launched_at", moment),
        "seen_at": found.needed("seen_at", moment),
        "ended_at": found.given("ended_at", moment),
        "price_hour": found.given("price_hour", number(0, _MOST_PRICE)),
        **used,
    }


def _node(value: object) -> NodeJson:
    found = Fields(value)
    return {
        "node": found.needed("node", whole(0, MOST_NODES - 1)),
        "instance": found.given("instance", _IDENTITY),
        "address": found.given("address", _ADDRESS),
        "phase": found.needed("phase", one_of(NODE_PHASES)),
        "since": found.needed("since", moment),
        "exit_code": found.given("exit_code", whole(0, 255)),
    }


def _data(value: object) -> DataProgressJson:
    found = Fields(value)
    return {
        "files": found.needed("files", whole()),
        "files_total": found.needed("files_total", whole()),
        "bytes": found.needed("bytes", whole()),
        "bytes_total": found.needed("bytes_total", whole()),
    }
