"""Applies a configuration: tries places until one has capacity, then puts the protection in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import (
    BalanceSpentError,
    NoCapacityError,
    PolicyViolationError,
    SubnetFullError,
    TakenBackError,
)
from runctl_auto.job_file.spec import CloudName
from runctl_auto.jobs.follow.follow import await_end
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.place_text import place_text
from runctl_auto.stack.trail import MOST_KEPT, MOST_OF_A_REASON, RefusedPlace, trail_json

MOST_TAKEN_BACK = 3
"""So often a machine is launched in a place that takes each back."""


def apply_in_first_place(
    stack: JobStack,
    config: StackConfig,
    others: Iterable[Placement],
    reporter: Reporter,
    *,
    refresh: bool,
    settle: Callable[[], None],
    now: Callable[[], datetime],
    clear: Callable[[], None] = lambda: None,
) -> tuple[StackConfig, Changes]:
    """Applies ``config``; where there is no capacity, the same in the next of ``others`` that policies allow.

    Several nodes are made as one unit: ``clear`` removes those that were made where the last was refused,
    before another place is tried or the refusal is told. ``others`` is only asked for when it is needed; of
    one type in one zone, another subnet is tried only when the first is full. A place that took the machine
    back while it was launched is tried again after the others. ``settle`` blocks until a machine that ended
    during the attempt is terminated: the next one refreshes the state, in which the failed launch may have
    left it. Without money at one of several providers, its places are passed over. Each place that refuses
    is added to the configuration's trail, before the next is tried. Raises ``NoCapacityError`` with the
    reasons of all places when none has capacity.
    """
    refused: list[RefusedPlace] = []
    last: NoCapacityError | None = None
    failed = _FailedPlaces()
    attempt = config
    for place in _places(config, others, failed):
        if failed.rule_out(place):
            continue
        if last is not None:
            reporter.say(f"{refused[-1]}; trying {place_text(place)}")
            settle()
        attempt = replace(config, placement=place, trail=_extended(config, refused))
        stack.set_config(attempt.to_values())
        try:
            with reporter.working("applying"):
                return attempt, stack.up(refresh=refresh or last is not None)
        except NoCapacityError as error:
            if config.job.nodes > 1:
                clear()
            refused.append(_refused(place, error.code, error.what, now()))
            failed.add(place, error)
            last = error
        except BalanceSpentError as error:
            if len(config.job.clouds) == 1:
                raise
            refused.append(_refused(place, error.code, error.what, now()))
            failed.add(place, error)
            last = last or _no_money(error)
        except PolicyViolationError as error:
            if last is None:
                raise
            refused += [_refused(place, None, str(each), now()) for each in error.violations]
            failed.add(place, error)
    if last is None:  # an iterator over at least the first place ends here only after a failure
        raise AssertionError
    trail = _extended(config, refused)
    stack.set_config(replace(attempt, trail=trail).to_values())
    raise NoCapacityError(
        f"No place has capacity for job '{config.job.name}': {'; '.join(map(str, refused))}.",
        trail=trail_json(trail),
        code=last.code,
        where={"job": config.job.name, "region": config.job.region},
        next_step="Name more instance types or zones, raise max_price, or repeat later "
        "(retry: {on_events: [no-capacity]} waits for capacity); "
        f"`runctl down {config.job.name}` removes what was made so far.",
    ) from last


def _no_money(error: BalanceSpentError) -> NoCapacityError:
    """The refusal by a provider without money, where another one may have a machine."""
    found = NoCapacityError(error.what, code=error.code, where=error.where, next_step=error.next_step)
    found.__cause__ = error
    return found


def settle_machine(job: Job) -> None:
    """Blocks until the machines that the state names, as far as they are ending, are terminated: while one is
    shutting down the provider still sees it."""
    for instance in job.compute().instances:
        await_end(job.provider, job.machine(instance), job.session.time)


def clear_machines(job: Job) -> None:
    """Ends all machines that the state names and takes them out of it. Blocks. Idempotent."""
    provider, instances = job.provider, job.compute().instances
    if not instances:
        return
    with job.session.reporter.working("ending the machines that were made"):
        provider.terminate(list(instances))
        for machine in provider.machines(instances).values():
            await_end(provider, machine, job.session.time)
        job.stack.refresh()


def protect_when_placed(
    stack: JobStack, config: StackConfig, wanted: Protection, reporter: Reporter
) -> StackConfig:
    """Puts the protection in force that the job asks for, now that it has its place. Idempotent."""
    if config.protection == wanted:
        return config
    protected = replace(config, protection=wanted)
    stack.set_config(protected.to_values())
    with reporter.working("protecting"):
        stack.up()
    return protected


@dataclass
class _FailedPlaces:
    """The places where a launch failed, the subnets that were full, what took a machine back, and how often,
    and the providers that want money first."""

    machines: set[tuple[str, str, str]] = field(default_factory=set)
    full_subnets: set[str] = field(default_factory=set)
    taken_back: dict[Placement, int] = field(default_factory=dict)
    without_money: set[CloudName] = field(default_factory=set)

    def add(self, place: Placement, error: Exception) -> None:
        if isinstance(error, SubnetFullError):
            self.full_subnets.add(place.subnet)
        elif isinstance(error, BalanceSpentError):
            self.without_money.add(place.provider)
        elif isinstance(error, TakenBackError):
            self.taken_back[place] = self.taken_back.get(place, 0) + 1
        else:
            self.machines.add(_machine_of(place))

    def once_more(self) -> Iterator[Placement]:
        """Those that may keep a machine if it is launched again, while there are any."""
        while again := [place for place, times in self.taken_back.items() if times < MOST_TAKEN_BACK]:
            again = [place for place in again if not self.rule_out(place)]
            if not again:
                return
            yield from again

    def rule_out(self, place: Placement) -> bool:
        """Whether a launch there would fail for the same reason as one before."""
        if place.provider in self.without_money:
            return True
        return place.subnet in self.full_subnets or _machine_of(place) in self.machines


def _machine_of(place: Placement) -> tuple[str, str, str]:
    return place.market, place.instance_type, place.zone


def _refused(place: Placement, code: str | None, reason: str, at: datetime) -> RefusedPlace:
    return RefusedPlace(
        provider=place.provider,
        instance_type=place.instance_type,
        market=place.market,
        zone=place.zone,
        subnet=place.subnet,
        code=code,
        reason=reason[:MOST_OF_A_REASON],
        at=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _extended(config: StackConfig, refused: Sequence[RefusedPlace]) -> tuple[RefusedPlace, ...]:
    return (*config.trail, *refused)[-MOST_KEPT:]


def _places(config: StackConfig, others: Iterable[Placement], failed: _FailedPlaces) -> Iterator[Placement]:
    yield config.placement
    yield from others
    yield from failed.once_more()
