"""The hourly price of a machine, and the worst-case cost of a run, stay within the job file's limits."""

from __future__ import annotations

from collections.abc import Iterator

from policies.environment import COST_INPUTS, ENVIRONMENTS, Costs, costs_of
from policies.rule import Judged, Rule, Settings, Violation

STORAGE_PRICE = 0.08
"""USD a GB-month of gp3 in us-east-1."""


def price_above_limit(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A price an hour over ``max_price``, or an unknown price without a cap."""
    costs = costs_of(resource)
    if costs is None or costs.max_price is None:
        return
    allowed = f"at most {_usd(costs.max_price)} an hour"
    if costs.price_hour is None:
        if costs.market != "spot":  # a spot request carries max_price and is not fulfilled above it
            yield Violation(
                found="a machine whose price an hour is unknown", allowed=allowed, field="max_price"
            )
    elif costs.price_hour > costs.max_price:
        yield Violation(
            found=f"a machine at {_usd(costs.price_hour)} an hour", allowed=allowed, field="max_price"
        )


def dear_run(resource: Judged, settings: Settings) -> Iterator[Violation]:
    """A worst case (price × max_duration × nodes + storage) over ``budget``.

    Without ``max_duration`` the run itself ends when the budget is spent; that needs a known price as well.
    """
    costs = costs_of(resource)
    if costs is None or costs.budget is None:
        return
    if costs.price_hour is None:
        yield Violation(
            found="a machine whose price an hour is unknown, and so is what the run costs",
            allowed=f"at most {_usd(costs.budget)} in all, at a known price",
            field="budget",
        )
        return
    storage_price = float(settings.get("storage_price_gb_month", STORAGE_PRICE))
    worst = costs.worst_case(storage_price)
    if worst is not None and worst > costs.budget:
        yield _over_budget(costs, worst, costs.cost_hour(storage_price))


def _over_budget(costs: Costs, worst: float, cost_hour: float) -> Violation:
    hours = (costs.max_duration_seconds or 0) / 3600
    enough = (costs.budget or 0) / cost_hour
    machines = "1 machine" if costs.nodes == 1 else f"{_amount(costs.nodes)} machines"
    return Violation(
        found=f"at worst {_usd(worst)} ({_amount(hours)} h, {machines} at "
        f"{_usd(costs.price_hour or 0)} an hour, {_amount(costs.storage_gb)} GB of storage)",
        allowed=f"at most {_usd(costs.budget or 0)}, enough for a max_duration of {_amount(enough)} h",
        field="budget",
    )


def _usd(amount: float) -> str:
    return f"{_amount(amount)} USD"


def _amount(amount: float) -> str:
    return f"{amount:.6f}".rstrip("0").rstrip(".") if amount < 0.01 else f"{amount:.2f}".removesuffix(".00")


HOUR_RULE = Rule(
    name="price-within-max-price",
    description="A machine's price an hour is within max_price.",
    types=ENVIRONMENTS,
    reads=COST_INPUTS,
    check=price_above_limit,
)
RUN_RULE = Rule(
    name="cost-within-budget",
    description="What a run costs at worst is within its budget.",
    types=ENVIRONMENTS,
    reads=COST_INPUTS,
    check=dear_run,
    schema={
        "storage_price_gb_month": {
            "type": "number",
            "minimum": 0,
            "default": STORAGE_PRICE,
            "description": "USD that a GB of storage costs a month",
        }
    },
)
