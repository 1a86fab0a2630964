"""The ledger as a table with bars, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runctl_auto.cli.views.amounts import spent_text, usd
from runctl_auto.cli.views.table import Column
from runctl_auto.local.printable import printable

if TYPE_CHECKING:
    from runctl_auto.cost.budgets import Budget
    from runctl_auto.cost.ledger import Group
    from runctl_auto.operations.cost import Ledger

DIFFERENCE_COLUMNS = (
    Column("JOB"),
    Column("LEDGER", right=True),
    Column("BILLED", right=True),
    Column("DIFFERENCE", right=True),
)
_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"
CSV_COLUMNS = ("usd", "at_least", "machine_hours", "gb_hours")


def ledger_columns(by: str) -> tuple[Column, ...]:
    """The columns of the table; the chart is the first to be left out."""
    return (
        Column(by.upper()),
        Column("COST", right=True),
        Column("", spare=3),
        Column("MACHINE HOURS", spare=1, right=True),
        Column("GB HOURS", spare=2, right=True),
    )


def ledger_rows(ledger: Ledger) -> list[tuple[str, ...]]:
    """A row for each group, and one for all."""
    most = max((each.usd.usd for each in ledger.groups), default=0.0)
    rows = [_row(each.key, each, most) for each in ledger.groups]
    if len(ledger.groups) > 1:
        hours = sum(each.machine_hours for each in ledger.groups)
        stored = sum(each.gb_hours for each in ledger.groups)
        rows.append(("in all", spent_text(ledger.total), "", f"{hours:.2f}", f"{stored:.2f}"))
    return rows


def _row(key: str, group: Group, most: float) -> tuple[str, ...]:
    bar = _bar(group.usd.usd / most if most else 0.0)
    return key, spent_text(group.usd), bar, f"{group.machine_hours:.2f}", f"{group.gb_hours:.2f}"


def _bar(share: float) -> str:
    """A bar of at most 24 blocks, exact to an eighth of one; of at least an eighth for what is above 0."""
    eighths = max(round(share * _BAR * 8), 1 if share > 0 else 0)
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
