"""``runctl unprotect``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import yes_option
from runctl_auto.cli.views.protection import show_and_set


@click.command(help="Remove the protection of a volume of JOB or of its bucket, whatever the job file says.")
@click.argument("job")
@click.argument("resource", required=False)
@yes_option()
@click.pass_obj
def command(invocation: Invocation, job: str, resource: str | None, yes: bool) -> None:
    show_and_set(invocation, job, resource, protect=False, yes=yes)
