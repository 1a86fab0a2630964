"""All jobs of the backend and what is known of each. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runctl_auto.engine.driver import JobSummary
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.contract import RunKey
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

    @property
    def phase(self) -> str | None:
        """The run's phase; ``starting`` before the agent's first word; None when it is not known."""
        if self.facts is None or self.problem is not None:
            return None
        return self.facts.phase or "starting"

    def as_json(self) -> dict[str, Any]:
        place = self.facts.config.placement if self.facts else None
        return {
            **(self.facts.as_json() if self.facts else _nothing_known(self.summary.name)),
            "phase": self.phase,
            "region": place.region if place else None,
            "zone": place.zone if place else None,
            "instance_type": place.instance_type if place else None,
            "market": place.market if place else None,
            "resources": self.summary.resources,
            "updated_at": self.summary.updated_at,
            "problem": self.problem,
        }


def list_jobs(session: Session, is_wanted: IsWanted = _any_job) -> tuple[ListedJob, ...]:
    """The wanted jobs of the backend by name, with what is known of each, or why nothing is. Blocks.

    Only statuses of wanted jobs are asked for.
    """
    with session.reporter.working("reading the jobs", after=PATIENCE_SECONDS):
        configured = [
            (summary, config)
            for summary in session.driver.jobs()
            if is_wanted(_plain(config := _config(session, summary.name)))
        ]
        session.reporter.progress(f"{len(configured)} statuses")
        statuses = _statuses(session, [config for _, config in configured if isinstance(config, StackConfig)])
        listed = [_listed(session, summary, config, statuses) for summary, config in configured]
        return tuple(_with_machines(session, listed))


def _config(session: Session, job: str) -> StackConfig | RunctlError | None:
    try:
        return parse_config(session.driver.config_of(job))
    except RunctlError as error:
        return error


def _plain(config: StackConfig | RunctlError | None) -> StackConfig | None:
    return config if isinstance(config, StackConfig) else None


def _statuses(session: Session, configs: Sequence[StackConfig]) -> dict[str, RunStatus | RunctlError | None]:
    regions: dict[str, list[RunKey]] = {}
    for config in configs:
        key = RunKey(config.job.name, config.placement.account, config.run.id)
        regions.setdefault(config.placement.region, []).append(key)
    return {
        key.job: status
        for region, keys in regions.items()
        for key, status in zip(keys, session.provider(region).statuses(keys), strict=True)
    }


def _listed(
    session: Session,
    summary: JobSummary,
    config: StackConfig | RunctlError | None,
    statuses: Mapping[str, RunStatus | RunctlError | None],
) -> ListedJob:
    if config is None:
        return ListedJob(summary, problem="never set up")
    if isinstance(config, RunctlError):
        return ListedJob(summary, problem=config.what)
    status = statuses[config.job.name]
    if isinstance(status, RunctlError):
        return ListedJob(summary, RunFacts(config, None, session.time.now()), problem=status.what)
    problem = status.unreadable if status else None
    return ListedJob(summary, RunFacts(config, status, session.time.now()), problem)


def _with_machines(session: Session, listed: Sequence[ListedJob]) -> list[ListedJob]:
    """Of runs that should tell of themselves and do not, whether their machines run: a request a region."""
    silent: dict[str, dict[str, str]] = {}
    for each in listed:
        facts = each.facts
        if facts is not None and facts.is_silent and facts.status is not None and facts.status.instance:
            silent.setdefault(facts.config.placement.region, {})[each.summary.name] = facts.status.instance
    runs: dict[str, bool] = {}
    for region, machines in silent.items():
        try:
            running = session.provider(region).running(sorted(machines.values()))
        except RunctlError as error:
            session.reporter.say(f"whether silent machines in {region} run is not known: {error.what}")
            continue
        runs.update({job: instance in running for job, instance in machines.items()})
    return [
        replace(each, facts=replace(each.facts, machine_runs=runs[each.summary.name]))
        if each.facts is not None and each.summary.name in runs
        else each
        for each in listed
    ]


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
