"""``runctl unlock``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import yes_option
from runctl_auto.cli.views.remote_text import printer


@click.command(
    help="Remove the locks that killed commands left on JOB. A lock whose process may be alive is reported "
    "and kept, unless --force."
)
@click.argument("job")
@click.option(
    "--force", is_flag=True, help="Also remove locks of processes that may be alive; does not stop them."
)
@yes_option("Remove by force")
@click.pass_obj
def command(invocation: Invocation, job: str, force: bool, yes: bool) -> None:
    from runctl_auto.operations.unlock import unlock

    removed = unlock(invocation.session_of(job), job, force=force, yes=yes)
    invocation.console.result({"job": job, "removed": [each.as_json() for each in removed]})
    if not removed:
        invocation.console.line(f"Nobody holds job '{job}'.")
    for each in removed:
        printer(invocation.console)(f"removed the lock of {each.lock.owner or each.lock.place}: {each.why}")
