"""``runctl drift``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.executor_options import WorkerChoice, executor_for, executor_options
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_filters import job_filters
from runctl_auto.cli.views.remote_text import printer

if TYPE_CHECKING:
    from runctl_auto.jobs.filters import Filters


@click.command(
    help="Show what has changed in the cloud without runctl: resources that are gone and properties that "
    "differ from the state. Without JOB or FOLDER: of all jobs of the backend that match the "
    "filters. Changes nothing. A machine that ended with its run is no drift."
)
@click.argument("what", nargs=-1, metavar="[JOB|FOLDER]...")
@job_filters()
@executor_options()
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if something has drifted.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    what: tuple[str, ...],
    *,
    filters: Filters,
    workers: WorkerChoice,
    detailed_exitcode: bool,
) -> int:
    from runctl_auto.cli.views.drift import drift_json, show_drift
    from runctl_auto.jobs.filters import wanted_jobs
    from runctl_auto.operations.drift import drift, named_jobs

    if what and filters.choose:
        raise click.UsageError("Filters choose among all jobs: name none with them.")
    session = invocation.session_of(*what)
    if what:
        named = [named_jobs(session, each) for each in what]
        jobs, unread = (
            [job for each in named for job in each[0]],
            [file for each in named for file in each[1]],
        )
    else:
        jobs, unread = [each.summary.name for each in wanted_jobs(session, filters)], []
    with executor_for(invocation, session, workers) as executor:
        result = drift(jobs, executor, unread=unread)
    invocation.console.result(drift_json(result))
    show_drift(printer(invocation.console), result)
    return int(result.exit_code(detailed=detailed_exitcode))
