"""A plan for data as a table, with the recommendation in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runctl_auto.cli.views.table import Column
from runctl_auto.cost.amount import Amount, amount
from runctl_auto.operations.data_plan import SourcePlan
from runctl_auto.operations.data_status import JobVolume
from runctl_auto.reports.figures import rate_text, size_text, spent_text
from runctl_auto.transfer.strategies import Forecast, Plan

COLUMNS = (
    Column(""),
    Column("STRATEGY"),
    Column("FIRST BATCH", right=True),
    Column("LATER RUN", spare=3, right=True),
    Column("FIRST EPOCH", spare=2, right=True),
    Column("LATER EPOCH", spare=1, right=True),
    Column("TIME", right=True),
    Column("COST", right=True),
    Column("", spare=4),
)


def plan_heading(found: SourcePlan) -> str:
    """What is read, how often, and on what."""
    work, machine = found.plan.work, found.plan.machine
    least = "" if found.is_complete else "at least "
    runs = f" by {work.runs} runs" if work.runs > 1 else ""
    price = rate_text(amount(found.plan.prices.machine))
    market = f" {found.market}" if found.market else ""
    return (
        f"{found.source.source}: {least}{work.files} objects, {least}{size_text(work.size)}, "
        f"read {work.epochs}x{runs} on {machine.instance_type}{market} at {price} an hour"
    )


def plan_rows(plan: Plan) -> Sequence[tuple[str, ...]]:
    """A row for each strategy, the recommended one marked."""
    return [_row(each, plan) for each in plan.forecasts]


def _row(forecast: Forecast, plan: Plan) -> tuple[str, ...]:
    first, later = forecast.first, forecast.later
    return (
        "*" if forecast is plan.chosen else "",
        forecast.strategy,
        seconds_text(first.first_batch),
        seconds_text(later.first_batch) if later != first else "",
        seconds_text(first.first_epoch),
        seconds_text(first.later_epoch),
        seconds_text(forecast.seconds),
        _cost(forecast.cost),
        forecast.obstacle or "",
    )


def _cost(cost: Amount) -> str:
    return spent_text(cost)


def seconds_text(seconds: float) -> str:
    """``0.4 s``, ``42 s``, ``5.2 min``, ``3.1 h``, ``2.4 d``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def plan_words(found: SourcePlan) -> Iterator[str]:
    """The recommendation, and how the job file has it."""
    plan = found.plan
    yield f"recommended: {plan.chosen.strategy}. {plan.reason[0].upper()}{plan.reason[1:]}."
    written = found.source.strategy
    if written not in ("auto", plan.chosen.strategy):
        yield f"the job file says strategy: {written}; `auto` takes the recommended one"


VOLUME_COLUMNS = (
    Column("VOLUME"),
    Column("ID", spare=1),
    Column("SNAPSHOT", spare=2),
    Column("FILLED", right=True),
    Column("LEFT", right=True),
)


def volume_row(volume: JobVolume) -> tuple[str, ...]:
    """How far a volume is filled, and for how long it will be; without a rate, nobody knows that."""
    found = volume.filling
    percent = None if found is None else found.percent
    seconds = None if found is None else found.seconds
    return (
        volume.name,
        volume.id,
        volume.snapshot,
        "unknown" if percent is None else f"{percent} %",
        "unknown" if seconds is None and percent != 100 else seconds_text(seconds or 0),
    )
