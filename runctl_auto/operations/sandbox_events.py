"""What can happen to a job's machine in the sandbox, on request: interruptions and faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, get_args

from runctl_auto.engine.environment import control_sandbox
from runctl_auto.errors import JobNotFoundError, UsageError
from runctl_auto.jobs.current_job import CurrentJob, job_without_engine
from runctl_auto.jobs.session import Session
from runctl_auto.providers.compute import compute_in
from runctl_auto.providers.contract import Machine
from runctl_auto.stack.state import INSTANCE

Kind = Literal["capacity", "throttle", "hang", "kill", "network"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_UNTIL_ENDED = 1000
"""How often a fault strikes that lasts until it is ended."""
_THROTTLED_CALLS = 10
_THROTTLED = (("s3", "SlowDown", ("PutObject", "GetObject", "HeadObject", "ListObjectsV2")),)
_Call = Callable[[str, str, Mapping[str, object]], dict[str, Any]]


@dataclass(frozen=True)
class SandboxEvent:
    """What was made to happen: ``machine`` it happens to, None where it happens to a place; ``what`` says it
    in a sentence; ``at`` is when a machine will be taken away.
    """

    job: str
    kind: str
    machine: str | None
    zone: str | None
    what: str
    at: str | None = None


def interrupt(session: Session, job: str, notice_seconds: int, *, rank: int = 0) -> SandboxEvent:
    """Gives the job's spot machine an interruption notice, after which it is terminated; of several that of
    ``rank``.

    Raises ``UsageError`` when the job has no machine or a pod, ``SandboxError`` when it is no running spot
    machine.
    """
    current = _present(session, job)
    if _on_runpod(current):
        raise UsageError(
            f"RunPod takes a pod away without a notice; '{job}' runs on one.",
            where={"job": job},
            next_step=f"`runctl sandbox fail {job} --kind kill` takes the pod away.",
        )
    machine = _machine(session, job, current, rank)
    told = _control(session)("POST", f"instances/{machine}/interrupt", {"notice_seconds": notice_seconds})
    at = datetime.fromtimestamp(float(told["time"]), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    what = f"machine {machine} is told that it ends in {notice_seconds} s"
    return SandboxEvent(job, "interrupt", machine, None, what, at)


def fail(session: Session, job: str, kind: Kind, *, over: bool = False, rank: int = 0) -> SandboxEvent:
    """Makes one kind of fault happen to the job, of several machines to that of ``rank``; ``over`` ends it.

    * capacity: launches of the job in the zone where its machine is, or else was to be, are refused, those of
      its group too
    * throttle: the next requests to its bucket are answered with SlowDown
    * hang: its machine stands still, with all that runs on it
    * kill: its machine loses its power
    * network: its machine reaches nothing, and nothing reaches it

    A job on RunPod: pods of any job are refused in the data centre, and a pod that is killed vanishes. It
    neither hangs nor loses its network (``UsageError``).
    """
    current, call = _present(session, job), _control(session)
    if kind in ("capacity", "throttle"):
        return _refuse(session, job, kind, current, call, over=over)
    if _on_runpod(current):
        return _end_pod(session, job, kind, current, over=over)
    machine = _machine(session, job, current, rank)
    if kind == "network":
        call("POST", f"instances/{machine}/network", {"connected": over})
        what = f"machine {machine} {'has its network again' if over else 'has no network'}"
    elif kind == "hang":
        call("POST", f"instances/{machine}/power", {"power": "on" if over else "frozen"})
        what = f"machine {machine} {'goes on' if over else 'hangs'}"
    elif over:
        raise UsageError("A machine that was killed does not come back.", where={"job": job})
    else:
        call("POST", f"instances/{machine}/power", {"power": "cut"})
        what = f"machine {machine} has lost its power"
    return SandboxEvent(job, kind, machine, None, what)


def _end_pod(session: Session, job: str, kind: Kind, current: CurrentJob, *, over: bool) -> SandboxEvent:
    if kind != "kill":
        raise UsageError(f"The sandbox's pods know no '{kind}'; they can be killed.", where={"job": job})
    if over:
        raise UsageError("A pod that was killed does not come back.", where={"job": job})
    pod = _machine(session, job, current)
    _control(session, runpod=True)("POST", f"pods/{pod}/vanish", {})
    return SandboxEvent(job, kind, pod, None, f"pod {pod} has vanished")


def _refuse(
    session: Session, job: str, kind: Kind, current: CurrentJob, call: _Call, *, over: bool
) -> SandboxEvent:
    if over:
        call("DELETE", "faults", {})
        if _on_runpod(current):
            _control(session, runpod=True)("DELETE", "faults", {})
        return SandboxEvent(job, kind, None, None, "the cloud refuses nothing any more")
    assert current.config is not None  # noqa: S101 - a present job has one
    place = current.config.placement
    if kind == "capacity":
        machine = _machine_now(session, current)
        zone = machine.zone if machine is not None and machine.zone else place.zone
        if _on_runpod(current):
            refusal = {"kind": "no-capacity", "times": _UNTIL_ENDED, "match": {"dataCenterIds": zone}}
            _control(session, runpod=True)("POST", "faults", refusal)
            return SandboxEvent(job, kind, None, zone, f"{zone} has no capacity for pods")
        for fault in _capacity_faults(job, zone):
            call("POST", "faults", fault)
        return SandboxEvent(job, kind, None, zone, f"{zone} has no capacity for job '{job}'")
    bucket = session.provider(place.region).results(job, place.account).name
    for service, code, operations in _THROTTLED:
        for operation in operations:
            call("POST", "faults", _fault(service, operation, code, _THROTTLED_CALLS, {"Bucket": bucket}))
    what = f"the next {_THROTTLED_CALLS} requests of each kind to bucket {bucket} are throttled"
    return SandboxEvent(job, kind, None, None, what)


def _capacity_faults(job: str, zone: str) -> Sequence[Mapping[str, object]]:
    match = {"Job": job, "AvailabilityZone": zone}
    return [_fault("ec2", "RunInstances", "InsufficientInstanceCapacity", _UNTIL_ENDED, match)]


def _fault(
    service: str, operation: str, code: str, times: int, match: Mapping[str, str]
) -> dict[str, object]:
    return {"service": service, "operation": operation, "code": code, "times": times, "match": dict(match)}


def _present(session: Session, job: str) -> CurrentJob:
    current = job_without_engine(session, job)
    if current.config is None:
        raise JobNotFoundError(
            f"There is no job '{job}' in the sandbox.",
            where={"job": job},
            next_step="`runctl --sandbox ls` lists the jobs that are there.",
        )
    return current


def _machine_now(session: Session, current: CurrentJob) -> Machine | None:
    """The machine that the job has, also that of its group; None without one."""
    assert current.config is not None  # noqa: S101 - a present job has one
    now = compute_in(current.state).now(session.provider(current.config.placement.region))
    return now.machine if now.has_machine else None


def _machine(session: Session, job: str, current: CurrentJob, rank: int = 0) -> str:
    assert current.config is not None  # noqa: S101 - a present job has one
    nodes = current.config.job.nodes
    if rank >= nodes:
        raise UsageError(
            f"Job '{job}' has no rank {rank}: it runs on {nodes} {'node' if nodes == 1 else 'nodes'}.",
            where={"job": job},
            next_step="Ranks count from 0.",
        )
    found = _machine_of_rank(session, current, rank) if nodes > 1 else _machine_now(session, current)
    if found is None:
        raise UsageError(
            f"Job '{job}' has no machine.",
            where={"job": job},
            next_step=f"`runctl --sandbox status {job}` tells how it is.",
        )
    return found.id


def _on_runpod(current: CurrentJob) -> bool:
    return current.config is not None and current.config.placement.provider == "runpod"


def _machine_of_rank(session: Session, current: CurrentJob, rank: int) -> Machine | None:
    """The machine of one of several nodes; None when it has none that runs."""
    assert current.config is not None  # noqa: S101 - a present job has one
    ending = f"-node-{rank}-instance"
    named = [each.id for each in current.state.of_type(INSTANCE) if each.name.endswith(ending)]
    provider = session.provider(current.config.placement.region)
    found = [provider.machine(each) for each in named]
    return next((each for each in found if not each.is_ending), None)


def _control(session: Session, *, runpod: bool = False) -> _Call:
    def call(method: str, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return control_sandbox(session.folders, method, path, body, runpod=runpod)

    return call
