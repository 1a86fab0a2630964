"""``runctl reap``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.views.remote_text import printer
from runctl_auto.local.printable import printable


@click.command(
    help="Terminate machines of the backend's jobs that exceeded max_duration, the budget or the end of "
    "their run by ten minutes. Needs no job file; buckets and volumes are kept."
)
@click.option("--yes", "-y", is_flag=True, help="Terminate without asking.")
@click.pass_obj
def command(invocation: Invocation, yes: bool) -> None:
    from runctl_auto.operations.reap import reap

    result = reap(invocation.session(), yes=yes)
    invocation.console.result(
        {
            "reaped": [each.as_json() for each in result.reaped],
            "unread": [{"job": job, "why": why} for job, why in result.unread],
        }
    )
    for job, why in result.unread:
        invocation.console.say(printable(f"job '{job}' could not be looked at: {why}"))
    for each in result.reaped:
        printer(invocation.console)(
            f"ended {each.instance} of job '{each.job}'; `runctl down {each.job}` clears up"
        )
    if not result.reaped:
        invocation.console.line("No machine is over its limits.")
