"""``runctl shell``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.rank_option import rank_option


@click.command(
    help="Open a shell of JOB on its machine, in its work folder, with the environment and as the user of "
    "its command. `exit` ends it. Needs Amazon's Session Manager plugin or the extra runctl[session]."
)
@click.argument("job")
@rank_option()
@click.pass_obj
def command(invocation: Invocation, job: str, rank: int) -> None:
    from runctl_auto.local.terminal import Terminal
    from runctl_auto.operations.shell import shell

    console = invocation.console
    if console.as_json:
        raise click.UsageError(
            "A shell has no JSON output: `runctl exec` runs a command and tells how it ended."
        )
    result = shell(invocation.session_of(job), job, Terminal(), rank)
    if result.why:
        console.say(f"the session has ended: {result.why}")
