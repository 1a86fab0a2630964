"""``runctl resume``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import yes_option


@click.command(
    help="Continue JOB, which was stopped, from its last checkpoint. Needs no job file: the same code and "
    "environment run again, as a new attempt. It goes on by itself."
)
@click.argument("job")
@yes_option()
@click.pass_obj
def command(invocation: Invocation, job: str, yes: bool) -> None:
    from runctl_auto.operations.resume import resume

    here, console = invocation.local_session_of(job), invocation.console
    if here is not None:
        from runctl_auto.operations.local.stop import resume_here

        result = resume_here(here, job, yes=yes)
    else:
        result = resume(invocation.session(), job, yes=yes)
    console.result(result.as_json())
    console.line(f"Job '{job}' goes on by itself, run {result.config.run.id}.")
    console.line(f"  runctl logs -f {job}    its output")
    console.line(f"  runctl stop {job}       stop it again")
