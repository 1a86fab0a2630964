"""``status``: a job as it is now, with the drift of its machine and volumes. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.agent.pace import Pace
from runctl_auto.cost.charges import held_volumes, machines_to_ask_for
from runctl_auto.errors import CloudError, RunctlError, WaitTimedOutError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.traces.forward import forward_spans_of
from runctl_auto.observe.drift import Drift, machine_drift, volume_drift, volume_ids
from runctl_auto.observe.notices import SentNotice, notices_of
from runctl_auto.providers.compute import ComputeNow
from runctl_auto.providers.contract import QUEUED, Machine, MachineGroup, RunKey
from runctl_auto.run.status import LOST, RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState

WATCH_PACE = Pace(first=3.0, later=10.0)


@dataclass(frozen=True)
class JobStatus:
    """A job as it is now. ``group`` is what makes the machine; None for a single instance."""

    facts: RunFacts
    machine: Machine | None
    state: StackState
    drift: tuple[Drift, ...]
    group: MachineGroup | None = None
    earlier: Mapping[str, RunStatus | RunctlError | None] = field(default_factory=dict)
    """The statuses of the job's other runs, or why they are unknown."""
    notices: tuple[SentNotice, ...] = ()
    """Of the run, to whom it is told; empty where nobody is."""

    @property
    def config(self) -> StackConfig:
        return self.facts.config

    @property
    def status(self) -> RunStatus | None:
        return self.facts.status

    @property
    def phase(self) -> str:
        """The run's phase as its facts tell it; ``starting`` or ``no machine`` before the agent's word."""
        if self.machine is not None and self.machine.state == QUEUED:
            return QUEUED
        if self.facts.phase is not None:
            return self.facts.phase
        if self.machine is None:
            return "no machine"
        return LOST if self.machine.has_ended else "starting"

    @property
    def ended(self) -> bool:
        return self.status is not None and self.status.ended

    @property
    def protected(self) -> tuple[str, ...]:
        """Names of the protected resources."""
        return tuple(each.name for each in self.state.in_cloud() if each.protect)

    def as_json(self) -> dict[str, Any]:
        status = self.status
        return {
            **self.facts.as_json(),
            "phase": self.phase,
            "exit_code": status.exit_code if status else None,
            "reason": status.reason if status else None,
            "message": status.message if status else None,
            "ended_at": status.ended_at if status else None,
            **self.facts.saving_as_json(),
            "machine": self.machine.as_json() if self.machine else None,
            "group": _group_as_json(self.group),
            "placement": self.config.placement.as_json(),
            "protected": list(self.protected),
            "drift": [each.as_json() for each in self.drift],
            "notices": [each.as_json() for each in self.notices],
            "nodes": [dict(each) for each in status.nodes] if status else [],
            "status": dict(status.raw) if status and status.raw else None,
        }


def status(session: Session, job: str) -> JobStatus:
    """The job as it is now. Raises ``JobNotFoundError`` when there is none."""
    with session.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        found = session.job(job)
        shown = status_of(found)
        forward_spans_of(found, shown.config)
        return shown


def watch(
    session: Session, job: str, show: Callable[[JobStatus], None], *, timeout: float | None = None
) -> JobStatus:
    """Shows the job every few seconds until its run has ended; how it ended. Blocks, for ``timeout`` seconds
    at most.

    Raises ``WaitTimedOutError`` when the run goes on after the timeout, ``JobNotFoundError`` without such a
    job.
    """
    watched = session.job(job)
    with session.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        watched.open()
    began = session.time.monotonic()
    while True:
        found = status_of(watched)
        show(found)
        if found.ended:
            return found
        elapsed = session.time.monotonic() - began
        if timeout is not None and elapsed >= timeout:
            raise WaitTimedOutError(
                f"The run of job '{job}' has not ended within {timeout:.0f} s; it is {found.phase}.",
                where={"job": job, "run": found.config.run.id, "phase": found.phase},
                next_step=f"It goes on. `runctl logs -f {job}` follows it.",
            )
        pause = WATCH_PACE.seconds(elapsed)
        session.time.sleep(pause if timeout is None else min(pause, timeout - elapsed))


def status_of(job: Job, runs: Sequence[str] = ()) -> JobStatus:
    """A job in hand as it is now; ``runs`` are further runs of it. Raises ``JobNotFoundError`` when it does
    not exist.
    """
    config = job.applied_config()
    state = job.state()
    found = job.status(config.run.id)
    earlier = _earlier_statuses(job, config, runs)
    known = tuple(each for each in earlier.values() if isinstance(each, RunStatus))
    now, compute = job.session.time.now(), job.compute_now(state)
    machine = compute.machine
    seen = {each.id: each for each in compute.all}
    statuses = (*known, *((found,) if found else ()))
    wanted = {each for status in statuses for each in machines_to_ask_for(status, now)} - seen.keys()
    machines = {**job.machines(sorted(wanted)), **seen}
    facts = RunFacts(
        config,
        found,
        now,
        machine_runs=machine is not None and not machine.has_ended,
        earlier=known,
        volumes=held_volumes(state),
        machines=machines,
        machine=machine.id if machine else None,
        other_machines=tuple(each for each in seen if machine is not None and each != machine.id),
        unread=any(not isinstance(each, RunStatus) for each in earlier.values()),
    )
    drift = (*machine_drift(job.name, state, compute, found), *_volume_drift(job, state, compute))
    return JobStatus(facts, machine, state, drift, compute.group, earlier, _notices(job, config))


def _notices(job: Job, config: StackConfig) -> tuple[SentNotice, ...]:
    """Asked for only where somebody is told."""
    if config.notify is None and job.session.settings.notify.command is None:
        return ()
    try:
        return notices_of(job.results.objects(), config.run.id)
    except CloudError as error:
        job.session.reporter.say(f"what became of the notices is not known: {error.what}")
        return ()


def _earlier_statuses(
    job: Job, config: StackConfig, runs: Sequence[str]
) -> dict[str, RunStatus | RunctlError | None]:
    """Of the runs that the configuration knows and of ``runs``, but for the present one."""
    wanted = [run for run in dict.fromkeys((*config.run.earlier, *runs)) if run != config.run.id]
    keys = [RunKey(job.name, config.placement.account, run) for run in wanted]
    return dict(zip(wanted, job.provider.statuses(keys), strict=True)) if keys else {}


def _group_as_json(group: MachineGroup | None) -> dict[str, Any] | None:
    if group is None:
        return None
    return {"name": group.name, "wanted": group.wanted, "machines": list(group.machines)}


def _volume_drift(job: Job, state: StackState, compute: ComputeNow) -> tuple[Drift, ...]:
    wanted = volume_ids(state)
    if not wanted:
        return ()
    try:
        return tuple(volume_drift(state, job.provider.volumes(wanted), compute))
    except CloudError as error:
        return (Drift("volumes", ", ".join(wanted), f"not known: {error.what}", error.next_step or ""),)
