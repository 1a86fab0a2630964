"""``runctl logs``."""

from __future__ import annotations

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation


@click.command(help="Print the logs of JOB. With --output json: one object a line.")
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Follow until the training has ended.")
@click.pass_obj
def command(invocation: Invocation, job: str, follow: bool) -> None:
    from dataclasses import replace

    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.operations.logs import logs

    invocation.console.ends_with_reader = True
    invocation.console.one_line = True
    session = invocation.session()
    if invocation.console.as_json:
        session = replace(session, reporter=_JsonLines(as_json=True, ends_with_reader=True))
    with told_what_goes_on(invocation.console, job):
        logs(session, job, follow=follow)


class _JsonLines(Console):
    """A console whose log lines are JSON objects on stdout."""

    def log_line(self, line: str) -> None:
        self.json_line({"line": line})
