"""A group that gets no machine at all: moved to the market that the job allows beside, or given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone

from runctl_auto.errors import NoCapacityError
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.current_job import NEW_JOB, current_job
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere
from runctl_auto.jobs.follow.follow import PATIENCE_WITH_OTHERS_SECONDS, Starved
from runctl_auto.jobs.intent import other_places
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.recovery import recover
from runctl_auto.placement.machine_group import choose_group
from runctl_auto.providers.contract import MARKETS, Launch
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.trail import MOST_KEPT, MOST_OF_A_REASON, RefusedPlace, trail_json

CAPACITY_SECONDS = 60.0
"""How long a group may try before it counts as one that gets no machine."""


def capacity_seconds(config: StackConfig) -> float:
    """How long the group of ``config`` may try for its first machine; on its last market as long as the file
    says (``retry.duration``).
    """
    waiting = (config.job.retry.duration if config.job.retry else None) or 0.0
    return CAPACITY_SECONDS if _later_markets(config) else max(CAPACITY_SECONDS, waiting)


class FeedGroup(Change[StackConfig, StackConfig]):
    """Replaces the group of ``config`` by one on the next market. The result is the new configuration.

    Where the present one was refused is added to the configuration's trail. Raises ``NoCapacityError`` with
    the trail when there is no other market: the group wants no machine then.
    ``JobEndedError`` when the job is gone or has another run by now.
    """

    verb = "feed"
    patience_seconds = PATIENCE_WITH_OTHERS_SECONDS

    def __init__(self, job: Job, file: JobFile, config: StackConfig, starved: Starved) -> None:
        super().__init__(job, file)
        self._config = config
        self._starved = starved
        self._current = NEW_JOB

    def open(self) -> None:
        refuse_ended_elsewhere(self.job, self._config)

    def recover(self) -> None:
        config = self.job.config()
        self._current = current_job(self.job, config, recover(self.job, config).state)

    def decide(self) -> StackConfig:
        config, group = self._with_trail(), self._config.group
        assert group is not None  # noqa: S101 - only a group is starved
        places = other_places(self.session, config, self._current)
        for market in _later_markets(config):
            there = [each for each in places if each.market == market]
            if there:
                found = choose_group(config.job, there, group.began_at)
                self.session.reporter.say(f"no {config.placement.market} capacity; trying {market}")
                return replace(config, placement=there[0], group=found)
        self.job.stack.set_config(config.to_values())
        if self._current.group is not None:
            self.job.provider.end_group(self._current.group)
        raise _no_capacity(config, self._starved)

    def _with_trail(self) -> StackConfig:
        config = self._config
        refused = (_refused(config, each) for each in self._starved.failures)
        return replace(config, trail=(*config.trail, *refused)[-MOST_KEPT:])

    def apply(self, decision: StackConfig) -> None:
        self.job.stack.set_config(decision.to_values())
        with self.session.reporter.working("applying"):
            self.job.stack.up()
        self._config = decision

    def result(self) -> StackConfig:
        return self._config


def _later_markets(config: StackConfig) -> tuple[str, ...]:
    """The markets that the job allows after the present one."""
    markets = MARKETS[config.job.spot_policy]
    present = config.placement.market
    return markets[markets.index(present) + 1 :] if present in markets else ()


def _no_capacity(config: StackConfig, starved: Starved) -> NoCapacityError:
    job = config.job.name
    reasons = dict.fromkeys(each.failure or "no reason given" for each in starved.failures)
    return NoCapacityError(
        f"The group of job '{job}' got no machine: {'; '.join(reasons)}.",
        trail=trail_json(config.trail),
        code=next((each.code for each in reversed(starved.failures) if each.code), None),
        where={"job": job, "region": config.job.region},
        next_step="Name more instance types or zones, raise max_price, set retry.duration to wait longer, or "
        f"repeat later; `runctl down {job}` removes what was made so far.",
    )


def _refused(config: StackConfig, launch: Launch) -> RefusedPlace:
    """A failed launch of the group, which tried all of its types in one zone."""
    assert config.group is not None  # noqa: S101 - only a group is starved
    return RefusedPlace(
        instance_type=", ".join(config.group.instance_types),
        market=config.placement.market,
        zone=launch.zone or "unknown",
        subnet=launch.subnet or "unknown",
        code=launch.code,
        reason=(launch.failure or "no reason given")[:MOST_OF_A_REASON],
        at=launch.at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
