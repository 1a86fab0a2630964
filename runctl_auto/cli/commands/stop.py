"""``runctl stop``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.agent.contract import GRACE_SECONDS
from runctl_auto.cli.executor_options import WorkerChoice, executor_for, executor_options
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_filters import job_filters
from runctl_auto.cli.shared_options import yes_option
from runctl_auto.errors import ExitCode

if TYPE_CHECKING:
    from runctl_auto.jobs.filters import Filters
    from runctl_auto.operations.stop import StopOptions
    from runctl_auto.operations.stop_all import StopAllResult


@click.command(
    help="Stop JOB and keep its data: its command saves a checkpoint and leaves, its machine ends, volumes "
    "and bucket stay. A stopped job costs storage only. `runctl resume` continues it, `down` deletes it. "
    "With --all: all jobs whose run goes on and that match the filters, after one confirmation."
)
@click.argument("job", required=False)
@click.option("--all", "every_job", is_flag=True, help="All jobs that match the filters, of every owner.")
@job_filters(age=True)
@executor_options()
@yes_option("Stop")
@click.option(
    "--grace",
    type=click.IntRange(min=0),
    default=GRACE_SECONDS,
    show_default=True,
    help="Seconds that the training may take to save and exit.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    job: str | None,
    *,
    every_job: bool,
    filters: Filters,
    yes: bool,
    grace: int,
    workers: WorkerChoice,
) -> int:
    from runctl_auto.operations.stop import StopOptions

    if (job is None) != every_job:
        raise click.UsageError("Name one JOB, or give --all.")
    if (filters.choose or workers.scheduler) and not every_job:
        raise click.UsageError("Filters and --scheduler are about many jobs: they need --all.")
    options = StopOptions(yes=yes, grace_seconds=grace)
    if job is not None:
        _stop(invocation, job, options)
        return ExitCode.DONE
    from runctl_auto.operations.stop_all import stop_all

    session = invocation.session_of_all()
    with executor_for(invocation, session, workers) as executor:
        return _show_all(invocation, stop_all(session, filters, options, executor))


def _stop(invocation: Invocation, job: str, options: StopOptions) -> None:
    from runctl_auto.cli.views.stopped import stopped_lines
    from runctl_auto.operations.stop import stop

    here = invocation.local_session_of(job)
    if here is not None:
        from runctl_auto.operations.local.stop import stop_job_here

        result = stop_job_here(here, job, options)
    else:
        result = stop(invocation.session(), job, options)
    invocation.console.result(result.as_json())
    for line in stopped_lines(result):
        invocation.console.line(line)


def _show_all(invocation: Invocation, result: StopAllResult) -> int:
    console = invocation.console
    console.result(result.as_json())
    for each in result.jobs:
        if each.error is not None:
            console.line(f"{each.job}: not stopped: {each.error.text}")
        elif each.result is not None:
            console.line(f"{each.job}: {each.result.now.phase}")
    stopped = sum(each.error is None for each in result.jobs)
    console.line(f"{stopped} of {len(result.jobs)} jobs stopped." if result.jobs else "No job runs.")
    return int(result.exit_code)
