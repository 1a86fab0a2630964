"""``runctl top``."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import NotSupportedError


@click.command(
    help="Watch all jobs on the terminal, with the log, machine and cost of one of them. The footer tells "
    "the keys. Nothing can be changed there."
)
@click.pass_obj
def command(invocation: Invocation) -> None:
    from runctl_auto.pages.extras import require

    require("top")
    if not (invocation.console.is_terminal and sys.stdin.isatty()):
        raise NotSupportedError(
            "`runctl top` needs a terminal.",
            next_step="`runctl ls` prints the jobs, `runctl dashboard --export DIR` writes them as pages.",
        )
    from runctl_auto.operations.top import top

    said = io.StringIO()
    unseen = replace(invocation, console=Console(out=io.StringIO(), err=said))
    try:
        top(unseen.session_of_all)
    finally:  # what would have been written over the picture
        for line in said.getvalue().splitlines():
            invocation.console.say(line)
