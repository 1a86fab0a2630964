"""``runctl describe``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.views.table import Column

_COLUMNS = (Column("  RESOURCES"), Column("TYPE", spare=1), Column("PROTECTED", spare=2), Column("ID"))


@click.command(help="Show the details of JOB: status, job file as applied, runs and resources.")
@click.argument("job")
@click.pass_obj
def command(invocation: Invocation, job: str) -> None:
    from runctl_auto.cli.views.job import description_lines, resource_rows
    from runctl_auto.cli.views.phases import phase_colour
    from runctl_auto.operations.describe import describe

    found, console = describe(invocation.session_of(job), job), invocation.console
    console.result(found.as_json())
    console.line(f"{job}: {console.painted(found.now.phase, colour=phase_colour(found.now.phase))}")
    for line in description_lines(found):
        console.line(line)
    console.table(_COLUMNS, resource_rows(found))
