"""What is exported of the jobs of a backend, from one look at them.

Labels are few, and none that a job may fill at will but the names of its first metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from runctl_auto.agent.contract import Phase
from runctl_auto.agent.metrics.document import from_value
from runctl_auto.agent.status_format import MachineUseJson
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import RunFacts, moment_of
from runctl_auto.observe.metrics.exposition import Family, Histogram, Kind, Sample
from runctl_auto.run.status import RunStatus

LABEL = "job_name"
"""Prometheus itself calls ``job`` what it scrapes."""
ALLOCATION = (10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 3600)
"""Bounds of the seconds from a machine's launch to the agent's work."""


@dataclass(frozen=True)
class _Gauge:
    """A metric of one job, and how its value is found; None where there is none."""

    name: str
    kind: Kind
    help: str
    value: Callable[[RunFacts], float | None]


def families(jobs: Sequence[ListedJob]) -> Iterator[Family]:
    """All that is known of the jobs, as one look told it."""
    known = [(each, each.facts) for each in jobs if each.facts is not None]
    facts = [each for _, each in known]
    yield Family("runctl_jobs", "gauge", "Jobs of the backend by phase.", _by_phase(jobs))
    yield from _runs(facts)
    yield Family(
        "runctl_job_info", "gauge", "A job, its owner and its place.", [_info(*each) for each in known]
    )
    for gauge in _GAUGES:
        samples = [
            Sample(value, {LABEL: each.config.job.name})
            for each in facts
            if (value := gauge.value(each)) is not None
        ]
        yield Family(gauge.name, gauge.kind, gauge.help, samples)
    yield from _moved(facts)
    yield from _gpus(facts)
    yield from _training(facts)


def _by_phase(jobs: Sequence[ListedJob]) -> list[Sample]:
    counted = Counter(each.phase or "unknown" for each in jobs)
    return [Sample(count, {"phase": phase}) for phase, count in sorted(counted.items())]


def _runs(facts: Sequence[RunFacts]) -> Iterator[Family]:
    statuses = [status for each in facts for status in (*each.earlier, each.status) if status is not None]
    told = [
        ("started", len(statuses), "Runs that have started."),
        ("completed", sum(each.succeeded for each in statuses), "Runs that have succeeded."),
        ("failed", sum(each.phase == Phase.FAILED for each in statuses), "Runs that have failed."),
    ]
    for what, count, meaning in told:
        text = f"{meaning} Of the jobs that are in the backend: a job that is deleted takes its runs along."
        yield Family(f"runctl_training_jobs_{what}_total", "counter", text, [Sample(count)])
    allocation = Histogram(
        "runctl_resource_allocation_seconds",
        "Seconds from the launch of a run's machines to the work of their agents, a machine on average.",
        ALLOCATION,
    )
    for status in statuses:
        boot = boot_seconds(status)
        if boot is not None:
            allocation.add(boot)
    yield allocation.family()


def _info(job: ListedJob, facts: RunFacts) -> Sample:
    place = facts.config.placement
    labels = {
        LABEL: facts.config.job.name,
        "owner": facts.config.owner,
        "phase": job.phase or "unknown",
        "region": place.region,
        "instance_type": place.instance_type,
        "market": place.market,
    }
    return Sample(1, labels)


def goes_on(facts: RunFacts) -> bool:
    """Whether the run has begun, and has not ended."""
    return facts.status is not None and facts.status.unreadable is None and not facts.status.ended


def checkpoint_age_seconds(facts: RunFacts) -> float | None:
    """Since the last checkpoint of a training that runs, or since its start without one."""
    status = facts.status
    if status is None or status.phase != Phase.RUNNING:
        return None
    saved = moment_of((facts.checkpoints or {}).get("last_at"))
    began = moment_of(status.started_at) if not status.machines else status.machines[-1].launched_at
    since = max((each for each in (saved, began) if each is not None), default=None)
    return None if since is None else max(0.0, (facts.now - since).total_seconds())


def lost_seconds(status: RunStatus | None) -> float | None:
    """Seconds of a run without a machine: from the last word of each machine to the launch of the next."""
    if status is None or not status.machines:
        return None
    pairs = zip(status.machines, status.machines[1:], strict=False)
    return sum(max(0.0, (later.launched_at - earlier.seen_at).total_seconds()) for earlier, later in pairs)


def boot_seconds(status: RunStatus | None) -> float | None:
    """Seconds from launch to the agent's work, of a machine on average."""
    if status is None or not status.machines or "boot" not in status.seconds:
        return None
    return status.seconds["boot"] / len(status.machines)


def queue_seconds(facts: RunFacts) -> float | None:
    """Seconds from the first refusal for want of capacity to the launch of the run's first machine; 0 without
    a refusal."""
    status = facts.status
    if status is None or not status.machines:
        return None
    refused: datetime | None = moment_of(facts.config.trail[0].at) if facts.config.trail else None
    if refused is None:
        return 0.0
    return max(0.0, (status.machines[0].launched_at - refused).total_seconds())


def _usd(facts: RunFacts) -> float | None:
    total = facts.cost.total
    return total.usd if total.complete or total.usd else None


def _usd_an_hour(facts: RunFacts) -> float | None:
    hour = facts.cost.hour
    return hour.usd if hour.complete or hour.usd else None


def _machine(name: str) -> Callable[[RunFacts], float | None]:
    def value(facts: RunFacts) -> float | None:
        machine = _machine_of(facts)
        found: float | None = machine.get(name) if machine else None  # type: ignore[assignment]
        return found

    return value


def _machine_of(facts: RunFacts) -> MachineUseJson | None:
    """How the machine of a run that goes on is used."""
    status = facts.status
    return status.metrics["machine"] if status and status.metrics and goes_on(facts) else None


def _if_it_goes_on(value: Callable[[RunFacts], float | None]) -> Callable[[RunFacts], float | None]:
    return lambda facts: value(facts) if goes_on(facts) else None


_GAUGES = (
    _Gauge(
        "runctl_run_active", "gauge", "Whether the run has begun and not ended.", lambda f: float(goes_on(f))
    ),
    _Gauge(
        "runctl_heartbeat_age_seconds",
        "gauge",
        "Seconds since the agent of a run that goes on was last heard of.",
        _if_it_goes_on(lambda f: f.heartbeat_age_seconds),
    ),
    _Gauge(
        "runctl_checkpoint_age_seconds",
        "gauge",
        "Seconds since the last checkpoint of a training that runs, or since its machine's launch.",
        checkpoint_age_seconds,
    ),
    _Gauge(
        "runctl_checkpoint_interval_seconds",
        "gauge",
        "How often the job saves checkpoints.",
        _if_it_goes_on(lambda f: float(f.config.job.checkpoints.every)),
    ),
    _Gauge("runctl_cost_accumulated_usd", "gauge", "What the job has cost so far; at least this.", _usd),
    _Gauge("runctl_cost_rate_usd_per_hour", "gauge", "What the job costs now; at least this.", _usd_an_hour),
    _Gauge("runctl_budget_usd", "gauge", "The budget of the job.", lambda f: f.config.job.budget),
    _Gauge(
        "runctl_interruptions_total",
        "counter",
        "Machines of the run that another one followed.",
        lambda f: float(max(0, len(f.status.machines) - 1)) if f.status and f.status.machines else None,
    ),
    _Gauge(
        "runctl_interruption_lost_seconds_total",
        "counter",
        "Seconds of the run without a machine.",
        lambda f: lost_seconds(f.status),
    ),
    _Gauge("runctl_boot_seconds", "gauge", "Seconds from launch to work.", lambda f: boot_seconds(f.status)),
    _Gauge("runctl_queue_seconds", "gauge", "Seconds that the run waited for capacity.", queue_seconds),
    _Gauge("runctl_machine_cpu_ratio", "gauge", "Share of all processors in use.", _machine("cpu")),
    _Gauge("runctl_machine_memory_bytes", "gauge", "Memory in use.", _machine("memory")),
    _Gauge("runctl_machine_memory_total_bytes", "gauge", "Memory in all.", _machine("memory_total")),
    _Gauge("runctl_machine_disk_bytes", "gauge", "The job's disk in use.", _machine("disk")),
    _Gauge("runctl_machine_disk_total_bytes", "gauge", "The job's disk in all.", _machine("disk_total")),
    _Gauge(
        "runctl_machine_network_received_bytes_total",
        "counter",
        "Bytes that the machine has received.",
        _machine("network_received"),
    ),
    _Gauge(
        "runctl_machine_network_sent_bytes_total",
        "counter",
        "Bytes that the machine has sent.",
        _machine("network_sent"),
    ),
)


def _moved(facts: Sequence[RunFacts]) -> Iterator[Family]:
    samples = []
    for each in facts:
        status, job = each.status, each.config.job.name
        if status is None:
            continue
        sent = [machine.sent_bytes for machine in status.machines if machine.sent_bytes is not None]
        staged = (status.raw.get("data") or {}).get("bytes")
        if sent:
            samples.append(Sample(sum(sent), {LABEL: job, "direction": "stored"}))
        if staged is not None:
            samples.append(Sample(staged, {LABEL: job, "direction": "staged"}))
    yield Family(
        "runctl_moved_bytes_total",
        "counter",
        "Bytes that the run has stored in object storage, and that were staged for it.",
        samples,
    )


def _gpus(facts: Sequence[RunFacts]) -> Iterator[Family]:
    told = [
        (each.config.job.name, number, gpu)
        for each in facts
        for number, gpu in enumerate((_machine_of(each) or {"gpus": []})["gpus"])
    ]
    for name, field, meaning in (
        ("runctl_gpu_use_ratio", "use", "Share of time in which a GPU computes."),
        ("runctl_gpu_memory_bytes", "memory", "Memory of a GPU in use."),
        ("runctl_gpu_memory_total_bytes", "memory_total", "Memory of a GPU in all."),
    ):
        samples = [
            Sample(value, {LABEL: job, "gpu": str(number)})
            for job, number, gpu in told
            if (value := gpu[field]) is not None  # type: ignore[literal-required]
        ]
        yield Family(name, "gauge", meaning, samples)


def _training(facts: Sequence[RunFacts]) -> Iterator[Family]:
    told = [
        ({LABEL: each.config.job.name, "metric": metric["name"]}, metric)
        for each in facts
        if each.status is not None and each.status.metrics is not None
        for metric in each.status.metrics["training"]
    ]
    yield Family(
        "runctl_training_metric",
        "gauge",
        "The last value of a metric of the training; at most 8 of a job.",
        [Sample(from_value(metric["value"]), labels) for labels, metric in told],
    )
    yield Family(
        "runctl_training_position",
        "gauge",
        "The step or epoch of that value.",
        [Sample(metric["step"], labels) for labels, metric in told],
    )
