"""All jobs of the backend and what is known of each. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from runctl_auto.cost.charges import HeldVolume, held_volumes, machines_to_ask_for
from runctl_auto.engine.driver import JobSummary
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.ended_statuses import EndedStatuses
from runctl_auto.jobs.known_jobs import KnownJobs, read_config
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.run_facts import RunFacts, moment_of
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.shown_jobs import shown_jobs
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.contract import QUEUED, Machine, RunKey
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig

IsWanted = Callable[[StackConfig | None], bool]
"""Whether a job is wanted, by its configuration; None for one that was never set up, or cannot be read."""


def _any_job(config: StackConfig | None) -> bool:  # noqa: ARG001
    return True


@dataclass(frozen=True)
class ListedJob:
    """One line of the list of jobs. ``problem`` says why its configuration or status is not known."""

    summary: JobSummary
    facts: RunFacts | None = None
    problem: str | None = None
    waits: bool = False
    """Whether it waits for others of this machine's jobs to end."""

    @property
    def phase(self) -> str | None:
        """The run's phase; ``starting`` before the agent's first word; None when it is not known."""
        if self.waits:
            return QUEUED
        if self.facts is None or self.problem is not None:
            return None
        return self.facts.phase or "starting"

    @property
    def began_at(self) -> datetime | None:
        """When the run started, or the newest resource was made; None when neither is known."""
        status = self.facts.status if self.facts else None
        return moment_of(status.started_at if status else None) or moment_of(self.summary.made_at)

    def as_json(self) -> dict[str, Any]:
        place = self.facts.config.placement if self.facts else None
        return {
            **(self.facts.as_json() if self.facts else _nothing_known(self.summary.name)),
            "phase": self.phase,
            "region": place.region if place else None,
            "zone": place.zone if place else None,
            "instance_type": place.instance_type if place else None,
            "market": place.market if place else None,
            "nodes": self.facts.config.job.nodes if self.facts else None,
            "nodes_present": self.facts.status.nodes_present if self.facts and self.facts.status else None,
            "resources": self.summary.resources,
            "updated_at": self.summary.updated_at,
            "problem": self.problem,
        }


def list_jobs(
    session: Session,
    is_wanted: IsWanted = _any_job,
    known: KnownJobs | None = None,
    *,
    shown: bool = False,
) -> tuple[ListedJob, ...]:
    """The wanted jobs of the backend by name, with what is known of each, or why nothing is. Blocks.

    Only statuses of wanted jobs are asked for. ``known`` is what an earlier call with it has read.
    ``shown``: nothing is decided by the list, so that summaries of states that earlier commands kept serve.
    """
    config_of = partial(read_config, session) if known is None else partial(known.config, session)
    with session.reporter.working("reading the jobs", after=PATIENCE_SECONDS):
        jobs = shown_jobs(session) if shown else session.driver.jobs(known.summaries if known else None)
        if known is not None:
            known.begin(jobs)
        configured = [
            (summary, config) for summary in jobs if is_wanted(_plain(config := config_of(summary)))
        ]
        session.reporter.progress(f"{len(configured)} statuses")
        ended = EndedStatuses(session, {each.name: each.made_at for each in jobs})
        configs = [config for _, config in configured if isinstance(config, StackConfig)]
        statuses = _statuses(session, configs, ended)
        ended.save({each.name for each in jobs})
        volumes = _volumes(session, configs)
        listed = [_listed(session, summary, config, statuses, volumes) for summary, config in configured]
        return tuple(_with_machines(session, listed))


def _plain(config: StackConfig | RunctlError | None) -> StackConfig | None:
    return config if isinstance(config, StackConfig) else None


def _statuses(
    session: Session, configs: Sequence[StackConfig], ended: EndedStatuses
) -> dict[tuple[str, str], RunStatus | RunctlError | None]:
    """By job and run, of all runs that the configurations know. Only those that are not kept are asked
    for.
    """
    regions: dict[str, list[RunKey]] = {}
    found: dict[tuple[str, str], RunStatus | RunctlError | None] = {}
    for config in configs:
        for run in (*config.run.earlier, config.run.id):
            key = RunKey(config.job.name, config.placement.account, run)
            kept = ended.find(key)
            if kept is None:
                regions.setdefault(config.placement.region, []).append(key)
            else:
                found[key.job, key.run] = kept
    for region, keys in regions.items():
        for key, status in zip(keys, session.provider(region).statuses(keys), strict=True):
            found[key.job, key.run] = status
            ended.keep(key, status)
    return found


def _volumes(session: Session, configs: Sequence[StackConfig]) -> Mapping[str, tuple[HeldVolume, ...] | None]:
    """The volumes of jobs whose files ask for own ones, from their states; None where that cannot be read."""
    jobs = [each.job.name for each in configs if any(volume.size is not None for volume in each.job.volumes)]
    states = session.driver.states(jobs) if jobs else {}
    return {
        job: None if isinstance(state, RunctlError) else held_volumes(state) for job, state in states.items()
    }


def _listed(
    session: Session,
    summary: JobSummary,
    config: StackConfig | RunctlError | None,
    statuses: Mapping[tuple[str, str], RunStatus | RunctlError | None],
    volumes: Mapping[str, tuple[HeldVolume, ...] | None],
) -> ListedJob:
    if config is None:
        return ListedJob(summary, problem="never set up")
    if isinstance(config, RunctlError):
        return ListedJob(summary, problem=config.what)
    status = statuses[config.job.name, config.run.id]
    earlier = [statuses[config.job.name, run] for run in config.run.earlier]
    held = volumes.get(config.job.name, ())
    known = status if isinstance(status, RunStatus) else None
    facts = RunFacts(
        config,
        known,
        session.time.now(),
        earlier=tuple(each for each in earlier if isinstance(each, RunStatus)),
        volumes=held or (),
        unread=held is None or known is None or any(not isinstance(each, RunStatus) for each in earlier),
    )
    return ListedJob(summary, facts, problem=_problem(status))


def _problem(status: RunStatus | RunctlError | None) -> str | None:
    if isinstance(status, RunctlError):
        return status.what
    return status.unreadable if status else None


def _with_machines(session: Session, listed: Sequence[ListedJob]) -> list[ListedJob]:
    """With what the cloud tells of machines that should tell of themselves and do not, and of those that
    ended without a word: a request a region.
    """
    wanted: dict[str, set[str]] = {}
    for each in listed:
        if each.facts is not None:
            wanted.setdefault(each.facts.config.placement.region, set()).update(_wanted(each.facts))
    found: dict[str, Machine] = {}
    for region, machines in wanted.items():
        try:
            found.update(session.provider(region).machines(sorted(machines)) if machines else {})
        except RunctlError as error:
            session.reporter.say(f"whether silent machines in {region} run is not known: {error.what}")
    return [
        each if each.facts is None or not found else replace(each, facts=_with(each.facts, found))
        for each in listed
    ]


def _wanted(facts: RunFacts) -> Iterator[str]:
    for status in filter(None, (*facts.earlier, facts.status)):
        yield from machines_to_ask_for(status, facts.now)


def _with(facts: RunFacts, found: Mapping[str, Machine]) -> RunFacts:
    machine = found.get((facts.status.instance if facts.status else None) or "")
    return replace(facts, machines=found, machine_runs=None if machine is None else not machine.has_ended)


def _nothing_known(job: str) -> dict[str, Any]:
    return {
        "job": job,
        "owner": None,
        "project": PROJECT_NAME,
        "tags": {},
        "run": None,
        "attempt": None,
        "problem": None,
        "started_at": None,
        "age_seconds": None,
        "heartbeat_age_seconds": None,
        "cost": None,
        "checkpoints": None,
    }
