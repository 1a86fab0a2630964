"""``runctl cost``."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation

if TYPE_CHECKING:
    from runctl_auto.operations.cost import CostQuery, Ledger

_FORMATS = ("table", "chart", "csv", "focus")


@click.command(
    help="Show what jobs cost, also those that are gone: machines, their disks and addresses, volumes. All "
    "jobs, unless JOBs are named. `≥` marks sums of which a price or an end is unknown. Requests, transfer "
    "and storage in buckets are not included."
)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option(
    "--by",
    default="job",
    metavar="GROUPING",
    help="job, provider, type, project, owner, day or tag:KEY; default: job.",
)
@click.option(
    "--since", metavar="DATE", help="Only from this day or time on, in UTC: 2026-01-31, 2026-01-31T12:00."
)
@click.option("--until", metavar="DATE", help="Only before this day or time, in UTC; default: now.")
@click.option(
    "--actual",
    is_flag=True,
    help="Compare with what AWS has billed for whole days, from the first of the month unless --since is "
    "given. Asks Cost Explorer (0.01 USD a request), which needs the cost allocation tag runctl:job.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="table",
    help="table, chart, csv, or focus: CSV with the columns of FOCUS 1.0, a line for each charge and day.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    jobs: tuple[str, ...],
    by: str,
    since: str | None,
    until: str | None,
    actual: bool,
    form: str,
) -> None:
    from runctl_auto.cli.views.ledger import (
        DIFFERENCE_COLUMNS,
        budget_line,
        chart_lines,
        csv_text,
        difference_rows,
        ledger_columns,
        ledger_csv,
        ledger_rows,
    )
    from runctl_auto.cli.views.stopped import stopped_note
    from runctl_auto.cost.focus import focus_rows
    from runctl_auto.cost.ledger import GROUPINGS, is_grouping
    from runctl_auto.operations.cost import CostQuery

    if not is_grouping(by):
        raise click.BadParameter(f"{by!r} is none of {', '.join(GROUPINGS)}.", param_hint="--by")
    query = CostQuery(
        jobs=frozenset(jobs),
        by=by,
        since=_moment(since, "--since"),
        until=_moment(until, "--until"),
        actual=actual,
    )
    found, console = _ledger(invocation, query), invocation.console
    console.result(found.as_json())
    if console.as_json:
        return
    if form == "focus":
        rows = list(focus_rows(found.bills, found.period))
        if rows:
            console.text(csv_text(tuple(rows[0]), [list(row.values()) for row in rows]).rstrip())
    elif form == "chart":
        for line in chart_lines(found, console.width):
            console.line(line)
    elif form == "csv":
        console.text(ledger_csv(found).rstrip())
    else:
        console.table(ledger_columns(by), ledger_rows(found))
        if found.actual is not None:
            console.table(DIFFERENCE_COLUMNS, difference_rows(found))
        for each in found.budgets:
            console.line(budget_line(each))
        note = stopped_note(found.stopped)
        if note is not None:
            console.say(note)


def _ledger(invocation: Invocation, query: CostQuery) -> Ledger:
    here = invocation.local_session_of(*sorted(query.jobs))
    if here is None and not query.jobs and not invocation.has_stacks():
        here = invocation.session_here()
    if here is not None:
        from runctl_auto.operations.local.cost import cost_here

        return cost_here(here, query)
    from runctl_auto.operations.cost import cost

    return cost(invocation.session(), query)


def _moment(text: str | None, option: str) -> datetime | None:
    """A day or a time; in UTC unless it names a zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no date such as 2026-01-31.", param_hint=option) from None
    return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)
