"""``runctl ps``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.rank_option import rank_option


@click.command(help="Show the processes of JOB on its machine, with CPU, memory and GPUs.")
@click.argument("job")
@rank_option()
@click.pass_obj
def command(invocation: Invocation, job: str, rank: int) -> None:
    from runctl_auto.cli.views.machine_use import machine_lines, process_columns, process_rows
    from runctl_auto.operations.ps import ps

    found, console = ps(invocation.session_of(job), job, rank), invocation.console
    console.result(found.as_json())
    for line in machine_lines(found):
        console.line(line)
    if found.told["processes"]:
        console.table(process_columns(found), process_rows(found))
