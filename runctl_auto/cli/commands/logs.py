"""``runctl logs``."""

from __future__ import annotations

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation


@click.command(help="Print the logs of JOB. With --output json: one object a line.")
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Follow until the training has ended.")
@click.option(
    "--rank",
    type=click.IntRange(min=0),
    metavar="N",
    help="Of several machines only this one's; without it all of them, each line with its rank.",
)
@click.pass_obj
def command(invocation: Invocation, job: str, follow: bool, rank: int | None) -> None:
    from dataclasses import replace

    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.operations.logs import logs

    invocation.console.ends_with_reader = True
    invocation.console.one_line = True
    session = invocation.session_of(job)
    if invocation.console.as_json:
        session = replace(session, reporter=_JsonLines(as_json=True, ends_with_reader=True))
    with told_what_goes_on(invocation.console, job):
        logs(session, job, follow=follow, rank=rank)


class _JsonLines(Console):
    """A console whose log lines are JSON objects on stdout."""

    def log_line(self, line: str, rank: int | None = None) -> None:
        self.json_line({"line": line, "rank": rank})
