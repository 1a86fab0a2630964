"""``runctl stop``."""

from __future__ import annotations

import click

from runctl_auto.agent.contract import GRACE_SECONDS
from runctl_auto.cli.invocation import Invocation


@click.command(
    help="Stop JOB and keep its data: its command saves a checkpoint and leaves, its machine ends, volumes "
    "and bucket stay. A stopped job costs storage only. `runctl resume` continues it, `down` deletes it."
)
@click.argument("job")
@click.option("--yes", "-y", is_flag=True, help="Stop without asking.")
@click.option(
    "--grace",
    type=click.IntRange(min=0),
    default=GRACE_SECONDS,
    show_default=True,
    help="Seconds that the training may take to save and exit.",
)
@click.pass_obj
def command(invocation: Invocation, job: str, yes: bool, grace: int) -> None:
    from runctl_auto.cli.views.stopped import stopped_lines
    from runctl_auto.operations.stop import StopOptions, stop

    options = StopOptions(yes=yes, grace_seconds=grace)
    here = invocation.local_session_of(job)
    if here is not None:
        from runctl_auto.operations.local.stop import stop_job_here

        result = stop_job_here(here, job, options)
    else:
        result = stop(invocation.session(), job, options)
    invocation.console.result(result.as_json())
    for line in stopped_lines(result):
        invocation.console.line(line)
