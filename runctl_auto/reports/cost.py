"""What a folder of jobs costs before and after, as JSON with the field names of Infracost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.estimate import Estimate, Part
from runctl_auto.jobs.folder.entry import Entry
from runctl_auto.local.strict_json import strict_json
from runctl_auto.reports.report import Report
from runctl_auto.reports.untrusted_text import one_line
from runctl_auto.stack.prices import HOURS_OF_A_MONTH

_NAME = 300
_VERSION = "0.2"


def cost(report: Report, now: datetime) -> str:
    """The JSON text. Amounts are texts in USD, null when a part of them is unknown."""
    entries = [each.entry for each in report.rows() if each.entry.cost or each.entry.cost_before]
    past = total(each.cost_before.hour for each in entries if each.cost_before is not None)
    after = total(each.cost.hour for each in entries if each.cost is not None)
    components = [part for each in entries if each.cost is not None for part in each.cost.parts]
    content = {
        "version": _VERSION,
        "currency": "USD",
        "projects": [_project(report, each) for each in entries],
        **_totals(past, after),
        "timeGenerated": now.isoformat().replace("+00:00", "Z"),
        "summary": {
            "totalDetectedResources": len(components),
            "totalSupportedResources": len(components),
            "totalUnsupportedResources": 0,
            "totalUsageBasedResources": 0,
            "totalNoPriceResources": sum(1 for each in components if each.price is None),
        },
    }
    return strict_json(content, indent=2) + "\n"


def _project(report: Report, entry: Entry) -> dict[str, Any]:
    past, after = _hour(entry.cost_before), _hour(entry.cost)
    parts_before = _parts(entry.cost_before)
    parts_after = _parts(entry.cost)
    return {
        "name": one_line(entry.title, _NAME),
        "metadata": {
            "path": one_line("/".join(filter(None, [report.folder, entry.file])), _NAME),
            "type": "runctl_job",
        },
        "pastBreakdown": {"resources": parts_before, **_total(past)},
        "breakdown": {"resources": parts_after, **_total(after)},
        "diff": {"resources": [], **_total(_difference(past, after))},
    }


def _hour(estimate: Estimate | None) -> Amount:
    return Amount() if estimate is None else estimate.hour


def _parts(estimate: Estimate | None) -> list[dict[str, Any]]:
    return [] if estimate is None else [_resource(each) for each in estimate.parts]


def _resource(part: Part) -> dict[str, Any]:
    costs = {"hourlyCost": _text(part.hour), "monthlyCost": _text(part.month)}
    price = None if part.price is None else _figure(part.price)
    component = {
        "name": one_line(part.name, _NAME),
        "unit": part.unit,
        "hourlyQuantity": _figure(part.quantity),
        "price": price,
        **costs,
    }
    return {
        "name": one_line(part.name, _NAME),
        "resourceType": part.kind,
        **costs,
        "costComponents": [component],
    }


def _totals(past: Amount, after: Amount) -> dict[str, Any]:
    both = _difference(past, after)
    return {
        **_total(after),
        **{f"past{key[:1].upper()}{key[1:]}": value for key, value in _total(past).items()},
        **{f"diff{key[:1].upper()}{key[1:]}": value for key, value in _total(both).items()},
    }


def _difference(past: Amount, after: Amount) -> Amount:
    return after + past.times(-1)


def _total(hour: Amount) -> dict[str, str | None]:
    return {"totalHourlyCost": _text(hour), "totalMonthlyCost": _text(hour.times(HOURS_OF_A_MONTH))}


def _text(amount: Amount) -> str | None:
    return _figure(amount.usd) if amount.complete else None


def _figure(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"
