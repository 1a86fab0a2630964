"""Applies a configuration: tries places until one has capacity, then puts the protection in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import NoCapacityError, PolicyViolationError, SubnetFullError
from runctl_auto.jobs.follow import await_end
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.trail import MOST_KEPT, MOST_OF_A_REASON, RefusedPlace, trail_json


def apply_in_first_place(
    stack: JobStack,
    config: StackConfig,
    others: Iterable[Placement],
    reporter: Reporter,
    *,
    refresh: bool,
    settle: Callable[[], None],
    now: Callable[[], datetime],
) -> tuple[StackConfig, Changes]:
    """Applies ``config``; where there is no capacity, the same in the next of ``others`` that policies allow.

    ``others`` is only asked for when it is needed; of one type in one zone, another subnet is tried only when
    the first is full. ``settle`` blocks until a machine that ended during the attempt is terminated: the next
    one refreshes the state, in which the failed launch may have left it. Each place that refuses is added to
    the configuration's trail, before the next is tried. Raises ``NoCapacityError`` with the reasons of all
    places when none has capacity.
    """
    refused: list[RefusedPlace] = []
    last: NoCapacityError | None = None
    failed = _FailedPlaces()
    attempt = config
    for place in _places(config, others):
        if failed.rule_out(place):
            continue
        if last is not None:
            reporter.say(f"{refused[-1]}; trying {_place_text(place)}")
            settle()
        attempt = replace(config, placement=place, trail=_extended(config, refused))
        stack.set_config(attempt.to_values())
        try:
            with reporter.working("applying"):
                return attempt, stack.up(refresh=refresh or last is not None)
        except NoCapacityError as error:
            refused.append(_refused(place, error.code, error.what, now()))
            failed.add(place, subnet_is_full=isinstance(error, SubnetFullError))
            last = error
        except PolicyViolationError as error:
            if last is None:
                raise
            refused += [_refused(place, None, str(each), now()) for each in error.violations]
            failed.add(place, subnet_is_full=False)
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


def settle_machine(job: Job) -> None:
    """Blocks until the machine that the state names, if it is ending, is terminated: while it is shutting
    down the provider still sees it."""
    instance = job.compute().instance
    if instance is not None:
        await_end(job.provider, job.machine(instance), job.session.time)


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
    """The places where a launch failed, and the subnets that were full."""

    machines: set[tuple[str, str, str]] = field(default_factory=set)
    full_subnets: set[str] = field(default_factory=set)

    def add(self, place: Placement, *, subnet_is_full: bool) -> None:
        if subnet_is_full:
            self.full_subnets.add(place.subnet)
        else:
            self.machines.add(_machine_of(place))

    def rule_out(self, place: Placement) -> bool:
        """Whether a launch there would fail for the same reason as one before."""
        return place.subnet in self.full_subnets or _machine_of(place) in self.machines


def _machine_of(place: Placement) -> tuple[str, str, str]:
    return place.market, place.instance_type, place.zone


def _refused(place: Placement, code: str | None, reason: str, at: datetime) -> RefusedPlace:
    return RefusedPlace(
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


def _place_text(place: Placement) -> str:
    return f"{place.instance_type} {place.market} in {place.zone}"


def _places(config: StackConfig, others: Iterable[Placement]) -> Iterator[Placement]:
    yield config.placement
    yield from others
