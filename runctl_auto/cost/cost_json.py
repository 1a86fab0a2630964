"""An estimate as JSON, with the field names of Infracost."""

from __future__ import annotations

from typing import Any

from runctl_auto.cost.amount import Amount
from runctl_auto.cost.estimate import Estimate, Part
from runctl_auto.stack.prices import HOURS_OF_A_MONTH


def cost_json(estimate: Estimate, before: Estimate | None) -> dict[str, Any]:
    """The estimate. USD; hourly and monthly figures are null when unknown, and ``priceNotFound`` tells that a
    part of a total is: the total is then the least it costs.
    """
    hour, past = estimate.hour, before.hour if before else Amount()
    return {
        "currency": "USD",
        "costComponents": [_component(each) for each in estimate.parts],
        "totalHourlyCost": _rounded(hour.usd),
        "totalMonthlyCost": _rounded(hour.usd * HOURS_OF_A_MONTH),
        "pastTotalMonthlyCost": _rounded(past.usd * HOURS_OF_A_MONTH),
        "diffTotalMonthlyCost": _rounded((hour.usd - past.usd) * HOURS_OF_A_MONTH),
        "priceNotFound": not hour.complete,
        "expectedHourlyCost": _rounded(estimate.expected_hour.usd),
        "worstCaseCost": _known(estimate.worst_case),
        "expectedCost": _known(estimate.expected),
        "keptMonthlyCost": _rounded(estimate.kept_month.usd),
        "sources": [{"name": each.name, "date": each.date} for each in estimate.sources],
    }


def _component(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "kind": part.kind,
        "unit": part.unit,
        "hourlyQuantity": part.quantity,
        "price": part.price,
        "hourlyCost": _known(part.hour),
        "monthlyCost": _known(part.month),
        "priceNotFound": part.price is None,
        "kept": part.lasts == "kept",
    }


def _known(amount: Amount | None) -> float | None:
    return _rounded(amount.usd) if amount is not None and amount.complete else None


def _rounded(usd: float) -> float:
    """To a millionth of a dollar."""
    return round(usd, 6)
