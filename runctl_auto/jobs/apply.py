"""Applies a configuration: tries places until one has capacity, then puts the protection in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import NoCapacityError, PolicyViolationError
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.stack.config import Placement, Protection, StackConfig


def apply_in_first_place(
    stack: JobStack,
    config: StackConfig,
    others: Iterable[Placement],
    reporter: Reporter,
    *,
    refresh: bool,
) -> tuple[StackConfig, Changes]:
    """Applies ``config``; where there is no capacity, the same in the next of ``others`` that policies allow.

    ``others`` is only asked for when it is needed. Raises ``NoCapacityError`` with the reasons of all places
    when none has capacity.
    """
    reasons: list[str] = []
    last: NoCapacityError | None = None
    for attempt in _attempts(config, others):
        if last is not None:
            reporter.say(f"no capacity; trying {_place_text(attempt.placement)}")
        stack.set_config(attempt.to_values())
        try:
            with reporter.working("applying"):
                return attempt, stack.up(refresh=refresh)
        except NoCapacityError as error:
            reasons.append(f"{_place_text(attempt.placement)}: {error.code}")
            last = error
        except PolicyViolationError as error:
            if last is None:
                raise
            reasons += [f"{_place_text(attempt.placement)}: {each}" for each in error.violations]
    if last is None:  # an iterator over at least the first place ends here only after a failure
        raise AssertionError
    raise NoCapacityError(
        f"No place has capacity for job '{config.job.name}': {'; '.join(reasons)}.",
        code=last.code,
        where={"job": config.job.name, "region": config.job.region},
        next_step="Name more instance types or zones, raise max_price, or repeat later; "
        f"`runctl down {config.job.name}` removes what was made so far.",
    ) from last


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


def _place_text(place: Placement) -> str:
    return f"{place.instance_type} {place.market} in {place.zone}"


def _attempts(config: StackConfig, others: Iterable[Placement]) -> Iterator[StackConfig]:
    yield config
    for place in others:
        yield replace(config, placement=place)
