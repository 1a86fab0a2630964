"""``runctl reap``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import yes_option
from runctl_auto.cli.views.remote_text import printer
from runctl_auto.errors import ExitCode
from runctl_auto.local.printable import printable


@click.command(
    help="Terminate machines of the backend's jobs that exceeded max_duration, the budget or the end of "
    "their run by ten minutes. Needs no job file; buckets and volumes are kept. Exits with 5 if the cloud "
    "refused to terminate one."
)
@yes_option("Terminate")
@click.option("--dry-run", is_flag=True, help="List the machines, and terminate none.")
@click.pass_obj
def command(invocation: Invocation, yes: bool, dry_run: bool) -> int:
    from runctl_auto.operations.reap import reap

    result = reap(invocation.session(), yes=yes, dry_run=dry_run)
    invocation.console.result(result.as_json())
    for job, why in result.unread:
        invocation.console.say(printable(f"job '{job}' could not be looked at: {why}"))
    for each in result.reaped:
        printer(invocation.console)(
            f"ended {each.instance} of job '{each.job}'; `runctl down {each.job}` clears up"
        )
    for each, refusal in result.refused:
        invocation.console.line(f"not ended: {each.instance} of job '{each.job}': {refusal}")
    if not result.planned:
        invocation.console.line("No machine is over its limits.")
    elif dry_run:
        invocation.console.line(f"Dry run: {len(result.planned)} machine(s) would be terminated.")
    return int(ExitCode.LEAKED if result.refused else ExitCode.DONE)
