"""``runctl watch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import ExitCode

if TYPE_CHECKING:
    from runctl_auto.cli.console import Console
    from runctl_auto.jobs.watch.events import WatchEvent


@click.command(
    help="Follow JOBs, and give a run that lost its machine a new one. Ends when the runs of all JOBs have "
    "ended; with --all it goes on until it is interrupted. Several may watch the same jobs. With --output "
    "json: one object a line."
)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--all", "every_job", is_flag=True, help="Watch all jobs of the backend, new ones too.")
@click.option("--once", is_flag=True, help="Look once, act where a machine is lost, and end.")
@click.option(
    "--every",
    type=click.FloatRange(1, 3600),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="Time between two looks.",
)
@click.option(
    "--hung-after",
    type=click.FloatRange(60, 86400),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="A machine that runs and has not reported for so long is ended and replaced.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    jobs: tuple[str, ...],
    *,
    every_job: bool,
    once: bool,
    every: float,
    hung_after: float,
) -> int:
    from runctl_auto.jobs.watch.watcher import WatchOptions
    from runctl_auto.operations.watch import watch

    if bool(jobs) == every_job:
        raise click.UsageError("Name the jobs to watch, or give --all, not both.")
    session, console = invocation.session_of(*jobs), invocation.console
    options = WatchOptions(
        jobs=tuple(dict.fromkeys(jobs)), once=once, every_seconds=every, hung_seconds=hung_after
    )
    try:
        watch(
            session,
            options,
            lambda event: _show(console, event),
            lambda: session.beside(session.reporter),
        )
    except KeyboardInterrupt:
        console.say("no longer watched; the jobs go on")
        return int(ExitCode.INTERRUPTED)
    return int(ExitCode.DONE)


def _show(console: Console, event: WatchEvent) -> None:
    from runctl_auto.local.printable import printable

    console.json_line(event.as_json())
    about = {
        "watching": f"{event.phase or 'starting'}",
        "phase": f"{event.phase}",
        "ended": f"ended: {event.phase}",
        "lost": f"machine {event.machine or '(none)'} is lost",
        "hung": f"machine {event.machine} is hung",
        "replaced": f"new machine {event.machine}",
        "left": "left to another command",
        "gone": "is gone",
        "given-up": "given up",
        "problem": "problem",
    }[event.event]
    text = f"{about} ({event.message})" if event.message else about
    console.line(printable(f"{event.at[11:19]} {event.job}: {text}"))
