"""``runctl unlock``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation


@click.command(
    help="Remove the locks that killed commands left on JOB. A lock whose process may be alive stays, and is "
    "told, unless --force."
)
@click.argument("job")
@click.option("--force", is_flag=True, help="Remove locks of processes that may be alive, too; stops nobody.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before removing by force.")
@click.pass_obj
def command(invocation: Invocation, job: str, force: bool, yes: bool) -> None:
    from runctl_auto.operations.unlock import unlock

    removed = unlock(invocation.session(), job, force=force, yes=yes)
    invocation.console.result({"job": job, "removed": [each.as_json() for each in removed]})
    if not removed:
        invocation.console.line(f"Nobody holds job '{job}'.")
    for each in removed:
        invocation.console.line(f"removed the lock of {each.lock.owner or each.lock.place}: {each.why}")
