"""``runctl wait``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.quantity_types import Duration

if TYPE_CHECKING:
    from runctl_auto.operations.status import JobStatus


@click.command(
    help="Wait until the run of JOB has ended. Exits with 0 when it succeeded, with 3 when it failed or was "
    "stopped, as `up` does. It only waits: `watch` also makes a new machine for a run that lost its own."
)
@click.argument("job")
@click.option(
    "--timeout",
    type=Duration(),
    metavar="TIME",
    help="Wait so long at most, such as 90s or 12h; exits with 1 then.",
)
@click.pass_obj
def command(invocation: Invocation, job: str, timeout: int | None) -> None:
    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.operations.wait import wait

    session = invocation.session_of(job)
    console = invocation.console
    with told_what_goes_on(console, job):
        found = wait(session, job, _Progress(console), timeout=timeout)
    status = found.status
    console.result(
        {
            "job": job,
            "run": found.config.run.id,
            "phase": found.phase,
            "exit_code": status.exit_code if status else None,
            "message": status.message if status else None,
        }
    )
    console.line(f"{job}: {found.phase}")


class _Progress:
    """Says how the job is whenever that has changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: str | None = None

    def __call__(self, found: JobStatus) -> None:
        from runctl_auto.cli.views.job import change_line

        text = change_line(found)
        if not found.ended and text != self._told:
            self._told = text
            self._console.say(text)
