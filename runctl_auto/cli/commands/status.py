"""``runctl status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from runctl_auto.operations.status import JobStatus


@click.command(
    help="Show the status of JOB: phase, machine, age, cost so far, last heartbeat, checkpoints, protection, "
    "and drift between the cloud and the state."
)
@click.argument("job")
@click.option("--watch", "-w", is_flag=True, help="Refresh until the run has ended.")
@click.pass_obj
def command(invocation: Invocation, job: str, watch: bool) -> None:
    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.operations.status import status
    from runctl_auto.operations.status import watch as watch_job

    invocation.console.ends_with_reader = True
    session = invocation.session_of(job)
    if not watch:
        show(invocation.console, status(session, job))
        return
    with told_what_goes_on(invocation.console, job):
        if invocation.console.is_terminal:
            found = _watched_live(lambda each: watch_job(session, job, each), invocation.console)
            show(invocation.console, found)
        else:
            watch_job(session, job, _Changes(invocation.console))


def show(console: Console, found: JobStatus) -> None:
    """Prints the status."""
    console.result(found.as_json())
    for line in _lines(console, found):
        console.line(line)


def _lines(console: Console, found: JobStatus) -> list[str]:
    from runctl_auto.cli.views.job import status_lines
    from runctl_auto.cli.views.phases import phase_colour

    phase = console.painted(found.phase, colour=phase_colour(found.phase))
    return [f"{found.config.job.name}: {phase}", *status_lines(found)]


def _watched_live(watch: Callable[[Callable[[JobStatus], None]], JobStatus], console: Console) -> JobStatus:
    """Redraws the status in place; the last one is erased as well."""
    from rich.live import Live
    from rich.text import Text

    with Live(transient=True, auto_refresh=False) as live:
        return watch(
            lambda found: live.update(Text.from_ansi("\n".join(_lines(console, found))), refresh=True)
        )


class _Changes:
    """Prints a status when it differs from the previous one: a line, or a JSON object on a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: str | None = None

    def __call__(self, found: JobStatus) -> None:
        from runctl_auto.cli.views.job import change_line

        text = change_line(found)
        if text == self._told:
            return
        self._told = text
        self._console.json_line(found.as_json())
        self._console.line(text)
