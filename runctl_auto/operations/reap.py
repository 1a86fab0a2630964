"""``reap``: ends machines that live on beyond their job's limits, from anywhere with the backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from components import tags
from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS
from runctl_auto.backend.mark import backend_mark
from runctl_auto.errors import CloudError, RunctlError, UnreadableStatusError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.follow.heartbeat import is_hung
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.session import Session
from runctl_auto.providers.contract import Provider, TaggedMachine
from runctl_auto.stack.config import StackConfig


@dataclass(frozen=True)
class Overdue:
    """A machine that should have ended. Times are seconds; ``limit_seconds`` is None for a run that ended.
    ``group`` is what would replace it.
    """

    job: str
    instance: str
    region: str
    age_seconds: float
    limit_seconds: float | None
    why: str
    group: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "group"}


@dataclass(frozen=True)
class ReapResult:
    """What was ``planned`` and ended. ``unread`` are jobs that could not be looked at, ``refused`` machines
    that the cloud did not end, each with why. A ``dry_run`` ended none."""

    planned: tuple[Overdue, ...]
    reaped: tuple[Overdue, ...]
    unread: tuple[tuple[str, str], ...]
    refused: tuple[tuple[Overdue, str], ...] = ()
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "dry_run": self.dry_run,
            "planned": [each.as_json() for each in self.planned],
            "reaped": [each.as_json() for each in self.reaped],
            "unread": [{"job": job, "why": why} for job, why in self.unread],
            "refused": [{**each.as_json(), "refusal": refusal} for each, refusal in self.refused],
        }


def reap(session: Session, *, yes: bool, dry_run: bool = False) -> ReapResult:
    """Terminates the machines of this backend's jobs that are over their limits, after asking.

    A machine is over when it is ten minutes older than its job's max_duration, or than what its budget pays
    for, or when its run ended ten minutes ago. Bucket and volumes stay. One that the cloud refuses to end
    does not keep the others from being ended. A ``dry_run`` finds the same, asks and tells nobody, and ends
    nothing.
    Raises ``ConfirmationNeededError`` when declined.
    """
    if dry_run:
        overdue, unread = _look(session, notices=None)
        return ReapResult(overdue, (), unread, dry_run=True)
    notices = Notices(session, "reap")
    try:
        return _reap(session, notices, yes=yes)
    finally:
        notices.drain()


def _look(
    session: Session, notices: Notices | None
) -> tuple[tuple[Overdue, ...], tuple[tuple[str, str], ...]]:
    """The machines that are over, and the jobs of which that is not known, with why. What is found is told,
    with ``notices`` to those too who want to be notified."""
    configs, unread = _configs(session)
    overdue, unknown = _overdue_everywhere(session, configs, notices)
    for each in overdue:
        session.reporter.say(f"{each.instance} of job '{each.job}' in {each.region}: {each.why}")
    return tuple(overdue), (*unread, *unknown)


def _reap(session: Session, notices: Notices, *, yes: bool) -> ReapResult:
    overdue, unread = _look(session, notices)
    if overdue:
        require_confirmation(
            session.reporter,
            f"Terminate {len(overdue)} machine(s)?",
            "No machine was ended: it was not confirmed.",
            yes=yes,
        )
    reaped: list[Overdue] = []
    refused: list[tuple[Overdue, str]] = []
    for each in overdue:
        try:
            if each.group is not None:
                session.provider(each.region).end_group(each.group)
            session.provider(each.region).terminate([each.instance])
            reaped.append(each)
        except CloudError as error:
            refused.append((each, error.what))
    return ReapResult(overdue, tuple(reaped), unread, tuple(refused))


def limit_of(config: StackConfig) -> tuple[float, str] | None:
    """How many seconds a machine of the job may live, and what says so; None without a limit."""
    limits: list[tuple[float, str]] = []
    if config.job.max_duration is not None:
        limits.append((float(config.job.max_duration), "max_duration"))
    price = config.dearest_machine[1]
    if config.job.budget is not None and price:
        limits.append((float(config.job.budget) / price * 3600, "budget"))
    return min(limits) if limits else None


def _configs(session: Session) -> tuple[dict[str, StackConfig], list[tuple[str, str]]]:
    configs: dict[str, StackConfig] = {}
    unread: list[tuple[str, str]] = []
    with session.reporter.working("reading the jobs"):
        for summary in session.driver.jobs():
            try:
                config = parse_config(session.driver.config_of(summary.name))
            except RunctlError as error:
                unread.append((summary.name, error.what))
                continue
            if config is not None:
                configs[summary.name] = config
    return configs, unread


def _regions(configs: Mapping[str, StackConfig]) -> list[str]:
    return sorted({each.placement.region for each in configs.values()})


def _overdue_everywhere(
    session: Session, configs: Mapping[str, StackConfig], notices: Notices | None
) -> tuple[list[Overdue], list[tuple[str, str]]]:
    """As ``_overdue``, of all regions. Raises ``CloudError`` when none of them could be looked at."""
    overdue: list[Overdue] = []
    unread: list[tuple[str, str]] = []
    failed: list[CloudError] = []
    regions = _regions(configs)
    for region in regions:
        try:
            found, unknown = _overdue(session, region, configs, notices)
        except CloudError as error:
            failed.append(error)
            there = (job for job, config in configs.items() if config.placement.region == region)
            unread += [(job, error.what) for job in there]
            continue
        overdue += found
        unread += unknown
    if failed and len(failed) == len(regions):
        raise failed[0]
    return overdue, unread


def _overdue(
    session: Session, region: str, configs: Mapping[str, StackConfig], notices: Notices | None
) -> tuple[list[Overdue], list[tuple[str, str]]]:
    """The machines of a region that are over, and the jobs of which that is not known, with why."""
    provider, now = session.provider(region), session.time.now()
    mark = backend_mark(session.environment.backend)
    overdue: list[Overdue] = []
    unread: list[tuple[str, str]] = []
    with session.reporter.working(f"looking at the machines in {region}"):
        found = [each for each in provider.tagged_machines() if _is_known(each, configs, mark, region)]
        for machine in found:
            config = configs[machine.tags[tags.JOB]]
            age = (now - machine.created_at).total_seconds()
            try:
                if notices is not None:
                    _tell(notices, provider, config, machine, now)
                verdict = (
                    _over_its_limit(config, age)
                    or _past_latest_end(config, now)
                    or _outlived_its_run(provider, config, machine, now)
                )
            except RunctlError as error:
                unread.append((config.job.name, error.what))
                continue
            if verdict is not None:
                limit, why = verdict
                overdue.append(
                    Overdue(
                        config.job.name, machine.id, region, round(age, 1), limit, why, group=machine.group
                    )
                )
    return overdue, unread


def _tell(
    notices: Notices, provider: Provider, config: StackConfig, machine: TaggedMachine, now: datetime
) -> None:
    """Tells of a run that ended, or whose machine is silent, where the machine did not. One more request for
    jobs whose notices go to somebody.
    """
    run = machine.tags.get(tags.RUN, config.run.id)
    if not notices.tell_of(config) or run != config.run.id:
        return
    status = provider.results(config.job.name, config.placement.account).status(run)
    if status is not None and status.unreadable is not None:
        return
    if status is not None and status.ended:
        notices.ended(config, status, is_news=False)
        return
    heard = status.updated_at if status is not None and machine.id in status.heard_machines else None
    since = machine.created_at if heard is None else datetime.fromisoformat(heard.replace("Z", "+00:00"))
    silence = (now - since).total_seconds()
    if is_hung(machine.id, status, silence):
        notices.silent(config, machine.id, silence)


def _is_known(machine: TaggedMachine, configs: Mapping[str, StackConfig], mark: str, region: str) -> bool:
    """Whether a job of this backend has made it: another backend may have a job of the same name."""
    found = machine.tags
    config = configs.get(found.get(tags.JOB, ""))
    return (
        config is not None
        and config.placement.region == region
        and found.get(tags.BACKEND, mark) == mark
        and found.get(tags.OWNER) == tags.tag_value(config.owner)
    )


def _over_its_limit(config: StackConfig, age: float) -> tuple[float | None, str] | None:
    limit = limit_of(config)
    if limit is None or age <= limit[0] + DEADLINE_SLACK_SECONDS:
        return None
    return limit[0], f"{age / 3600:.1f} h old, and its {limit[1]} allows {limit[0] / 3600:.1f} h"


def _past_latest_end(config: StackConfig, now: datetime) -> tuple[float | None, str] | None:
    """A group's machine may be young while its run is over."""
    if config.ends_at is None or now.timestamp() <= config.ends_at:
        return None
    limit = limit_of(config)
    ended = datetime.fromtimestamp(config.ends_at, tz=now.tzinfo).isoformat()
    return limit[0] if limit else None, f"the latest end of its run was {ended}"


def _outlived_its_run(
    provider: Provider, config: StackConfig, machine: TaggedMachine, now: datetime
) -> tuple[float | None, str] | None:
    run = machine.tags.get(tags.RUN, config.run.id)
    status = provider.results(config.job.name, config.placement.account).status(run)
    if status is not None and status.unreadable is not None:
        raise UnreadableStatusError(status.unreadable)
    if status is None or not status.ended or status.ended_at is None:
        return None
    ended = datetime.fromisoformat(status.ended_at.replace("Z", "+00:00"))
    if (now - ended).total_seconds() <= DEADLINE_SLACK_SECONDS:
        return None
    return None, f"its run {run} ended at {status.ended_at}"
