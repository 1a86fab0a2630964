"""``runctl ls``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation


@click.command(help="List all jobs of the backend.")
@click.pass_obj
def command(invocation: Invocation) -> None:
    from runctl_auto.operations.inspect import jobs

    found = jobs(invocation.workplace())
    invocation.console.result({"jobs": [each.as_json() for each in found]})
    rows = [("JOB", "PHASE", "MACHINE", "ZONE", "RUN")]
    for each in found:
        place = each.config.placement if each.config else None
        rows.append(
            (
                each.summary.name,
                each.status.phase if each.status else each.problem or "starting",
                f"{place.instance_type} {place.market}" if place else "-",
                place.zone if place else "-",
                each.config.run.id if each.config else "-",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        invocation.console.line("  ".join(cells).rstrip())
