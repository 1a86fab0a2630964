"""The ledger as a table with bars, as a chart, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from runctl_auto.cli.views.table import Column
from runctl_auto.cost.amount import Amount
from runctl_auto.cost.chart import daily_costs
from runctl_auto.cost.quantities import NAMES
from runctl_auto.local.printable import printable
from runctl_auto.reports.figures import size_text, spent_text, usd

if TYPE_CHECKING:
    from runctl_auto.cost.budgets import Budget
    from runctl_auto.cost.ledger import Group
    from runctl_auto.cost.quantities import Quantities, Quantity
    from runctl_auto.operations.cost import Ledger

DIFFERENCE_COLUMNS = (
    Column("JOB"),
    Column("LEDGER", right=True),
    Column("BILLED", right=True),
    Column("DIFFERENCE", right=True),
)
_BAR = 24
_CHART_WIDTH = 100
_EIGHTHS = " ▏▎▍▌▋▊▉"
CSV_COLUMNS = ("usd", "at_least", *NAMES)


def ledger_columns(by: str) -> tuple[Column, ...]:
    """The columns of the table; the rarer quantities are the first to be left out, then the chart."""
    return (
        Column(by.upper()),
        Column("COST", right=True),
        Column("", spare=3),
        Column("MACHINE HOURS", spare=1, right=True),
        Column("GB HOURS", spare=2, right=True),
        Column("VCPU HOURS", spare=4, right=True),
        Column("MEMORY GB HOURS", spare=5, right=True),
        Column("REQUESTS", spare=6, right=True),
        Column("SENT", spare=7, right=True),
    )


def ledger_rows(ledger: Ledger) -> list[tuple[str, ...]]:
    """A row for each group, and one for all."""
    most = max((each.usd.usd for each in ledger.groups), default=0.0)
    rows = [_row(each.key, each, most) for each in ledger.groups]
    if len(ledger.groups) > 1:
        rows.append(("in all", spent_text(ledger.total), "", *_quantities(ledger.quantities)))
    return rows


def _row(key: str, group: Group, most: float) -> tuple[str, ...]:
    bar = _bar(group.usd.usd / most if most else 0.0, _BAR)
    return key, spent_text(group.usd), bar, *_quantities(group.quantities)


def _quantities(found: Quantities) -> tuple[str, ...]:
    hours = (found.machine_hours, found.gb_hours, found.vcpu_hours, found.memory_gb_hours)
    return (
        *(_quantity(each, lambda value: f"{value:.2f}") for each in hours),
        _quantity(found.requests, lambda value: f"{value:.0f}"),
        _quantity(found.sent_bytes, lambda value: size_text(round(value))),
    )


def _quantity(found: Quantity, text: Callable[[float], str]) -> str:
    """``≥`` when a part is unknown, ``unknown`` when all is."""
    if found.known is None:
        return "unknown"
    return text(found.value) if found.complete else f"≥ {text(found.value)}"


def chart_lines(ledger: Ledger, width: int | None) -> Iterator[str]:
    """A bar for each group at the width of the terminal, days without a cost among the days."""
    bars = _bars(ledger)
    if not bars:
        return
    amounts = {key: spent_text(amount) for key, amount in bars.items()}
    names = {key: printable(key) for key in bars}
    longest = max(map(len, names.values()))
    space = (width or _CHART_WIDTH) - longest - max(map(len, amounts.values())) - 2
    most = max(each.usd for each in bars.values())
    for key, amount in bars.items():
        bar = _bar(amount.usd / most if most else 0.0, max(_BAR // 2, space))
        yield f"{names[key]:<{longest}} {bar} {amounts[key]}"


def _bars(ledger: Ledger) -> dict[str, Amount]:
    found = {each.key: each.usd for each in ledger.groups}
    if ledger.by != "day":
        return found
    days = daily_costs(ledger.bills, ledger.period).days
    return {day: found.get(day, Amount()) for day in map(str, days)}


def _bar(share: float, longest: int) -> str:
    """A bar of at most ``longest`` blocks, exact to an eighth of one; at least that for what is above 0."""
    eighths = max(round(share * longest * 8), 1 if share > 0 else 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def difference_rows(ledger: Ledger) -> list[tuple[str, str, str, str]]:
    """A row for each job in the ledger or on the bill."""
    return [
        (
            each.job,
            usd(each.ledger),
            "not billed" if each.actual is None else usd(each.actual),
            f"{each.difference:+.2f}",
        )
        for each in ledger.differences
    ]


def budget_line(budget: Budget) -> str:
    """``this month: $12.40 of $100.00, project runctl (12 %)``."""
    spent = spent_text(budget.spent)
    return printable(f"this month: {spent} of ${budget.usd:.2f}, {budget.of} ({budget.percent} %)")


def ledger_csv(ledger: Ledger) -> str:
    """A line for each group, with the names of the JSON output; USD is empty where nothing is known."""
    told = ledger.as_json()["groups"]
    rows = [[each["key"], *(each[name] for name in CSV_COLUMNS)] for each in told]
    return csv_text((ledger.by, *CSV_COLUMNS), rows)


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """CSV as in RFC 4180, but with line feeds. A text that a spreadsheet would calculate is quoted with
    ``'``.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
