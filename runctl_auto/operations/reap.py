"""``reap``: ends machines that live on beyond their job's limits, from anywhere with the backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from components import tags
from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS
from runctl_auto.backend.mark import backend_mark
from runctl_auto.errors import ConfirmationNeededError, RunctlError
from runctl_auto.jobs.session import Workplace, parse_config
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.stack.config import StackConfig

_ALIVE = ("pending", "running", "stopping", "stopped")


@dataclass(frozen=True)
class Overdue:
    """A machine that should have ended. Times are seconds; ``limit_seconds`` is None for a run that ended."""

    job: str
    instance: str
    region: str
    age_seconds: float
    limit_seconds: float | None
    why: str

    def as_json(self) -> dict[str, Any]:
        return vars(self)


@dataclass(frozen=True)
class ReapResult:
    """What was found and ended. ``unread`` are jobs that could not be looked at, each with why."""

    reaped: tuple[Overdue, ...]
    unread: tuple[tuple[str, str], ...]


def reap(workplace: Workplace, *, yes: bool) -> ReapResult:
    """Terminates the machines of this backend's jobs that are over their limits, after asking.

    A machine is over when it is ten minutes older than its job's max_duration, or than what its budget pays
    for, or when its run ended ten minutes ago. Bucket and volumes stay. Raises ``ConfirmationNeededError``
    when declined, ``CloudError`` when the cloud refuses.
    """
    configs, unread = _configs(workplace)
    overdue = [each for region in _regions(configs) for each in _overdue(workplace, region, configs)]
    for each in overdue:
        workplace.reporter.say(f"{each.instance} of job '{each.job}' in {each.region}: {each.why}")
    if overdue and not (yes or workplace.reporter.confirm(f"Terminate {len(overdue)} machine(s)?")):
        raise ConfirmationNeededError(
            "No machine was ended: it was not confirmed.", next_step="Answer yes, or use --yes."
        )
    for each in overdue:
        workplace.cloud(each.region).call("ec2", "terminate_instances", InstanceIds=[each.instance])
    return ReapResult(tuple(overdue), tuple(unread))


def limit_of(config: StackConfig) -> tuple[float, str] | None:
    """How many seconds a machine of the job may live, and what says so; None without a limit."""
    limits: list[tuple[float, str]] = []
    if config.job.max_duration is not None:
        limits.append((float(config.job.max_duration), "max_duration"))
    price = config.placement.price_hour
    if config.job.budget is not None and price:
        limits.append((float(config.job.budget) / price * 3600, "budget"))
    return min(limits) if limits else None


def _configs(workplace: Workplace) -> tuple[dict[str, StackConfig], list[tuple[str, str]]]:
    configs: dict[str, StackConfig] = {}
    unread: list[tuple[str, str]] = []
    with workplace.reporter.working("reading the jobs"):
        for summary in workplace.driver.jobs():
            try:
                config = parse_config(workplace.driver.config_of(summary.name))
            except RunctlError as error:
                unread.append((summary.name, error.what))
                continue
            if config is not None:
                configs[summary.name] = config
    return configs, unread


def _regions(configs: Mapping[str, StackConfig]) -> list[str]:
    return sorted({each.placement.region for each in configs.values()})


def _overdue(workplace: Workplace, region: str, configs: Mapping[str, StackConfig]) -> Iterator[Overdue]:
    cloud, now = workplace.cloud(region), workplace.time.now()
    mark = backend_mark(workplace.environment.backend)
    with workplace.reporter.working(f"looking at the machines in {region}"):
        found = [each for each in _machines(cloud) if _is_known(each, configs, mark, region)]
        for machine in found:
            config = configs[_tags(machine)[tags.JOB]]
            age = (now - machine["LaunchTime"]).total_seconds()
            verdict = _over_its_limit(config, age) or _outlived_its_run(
                workplace, cloud, config, machine, now
            )
            if verdict is not None:
                limit, why = verdict
                yield Overdue(config.job.name, machine["InstanceId"], region, round(age, 1), limit, why)


def _machines(cloud: Cloud) -> Iterator[Mapping[str, Any]]:
    filters = [
        {"Name": f"tag:{tags.CREATED_BY}", "Values": [tags.CREATOR]},
        {"Name": "instance-state-name", "Values": list(_ALIVE)},
    ]
    for group in cloud.pages("ec2", "describe_instances", "Reservations", Filters=filters):
        yield from group["Instances"]


def _is_known(machine: Mapping[str, Any], configs: Mapping[str, StackConfig], mark: str, region: str) -> bool:
    """Whether a job of this backend has made it: another backend may have a job of the same name."""
    found = _tags(machine)
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


def _outlived_its_run(
    workplace: Workplace, cloud: Cloud, config: StackConfig, machine: Mapping[str, Any], now: datetime
) -> tuple[float | None, str] | None:
    run = _tags(machine).get(tags.RUN, config.run.id)
    status = workplace.bucket(config, cloud).status(run)
    if status is None or not status.ended or status.ended_at is None:
        return None
    ended = datetime.fromisoformat(status.ended_at.replace("Z", "+00:00"))
    if (now - ended).total_seconds() <= DEADLINE_SLACK_SECONDS:
        return None
    return None, f"its run {run} ended at {status.ended_at}"


def _tags(machine: Mapping[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in machine.get("Tags") or ()}
