"""``runctl wait``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation

if TYPE_CHECKING:
    from runctl_auto.operations.status import JobStatus


@click.command(
    help="Wait until the run of JOB has ended. Exits with 0 when it succeeded, with 3 when it failed or was "
    "stopped, as `up` does. It only waits: `watch` also makes a new machine for a run that lost its own."
)
@click.argument("job")
@click.option(
    "--timeout", metavar="TIME", help="Wait so long at most, such as 90s or 12h; exits with 1 then."
)
@click.pass_obj
def command(invocation: Invocation, job: str, timeout: str | None) -> None:
    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.operations.wait import wait

    seconds = None if timeout is None else _seconds(timeout)
    session = invocation.session_of(job)
    console = invocation.console
    with told_what_goes_on(console, job):
        found = wait(session, job, _Progress(console), timeout=seconds)
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


def _seconds(text: str) -> float:
    from runctl_auto.errors import UsageError
    from runctl_auto.job_file.quantities import parse_duration_seconds

    try:
        return float(parse_duration_seconds(text))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}", next_step="A time is 30s, 5m or 1h.") from error


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
