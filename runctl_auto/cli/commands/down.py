"""``runctl down``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.executor_options import WorkerChoice, executor_for, executor_options
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_filters import job_filters
from runctl_auto.cli.shared_options import confirm_option, grace_option, yes_option
from runctl_auto.cli.views.remote_text import printer
from runctl_auto.errors import ExitCode

if TYPE_CHECKING:
    from runctl_auto.jobs.filters import Filters
    from runctl_auto.operations.down import DownOptions
    from runctl_auto.operations.down_all import DownAllResult


@click.command(
    help="Stop JOB, fetch its artifacts, delete its unprotected resources and verify that none is left. "
    "With --all: all jobs of the backend and of this machine that match the filters, after one confirmation "
    "of all plans."
)
@click.argument("job", required=False)
@click.option("--all", "every_job", is_flag=True, help="All jobs that match the filters, of every owner.")
@job_filters(age=True)
@executor_options()
@yes_option()
@click.option("--dry-run", is_flag=True, help="Show what would be deleted and kept, and change nothing.")
@click.option("--discard-artifacts", is_flag=True, help="Discard artifacts that have not been fetched yet.")
@grace_option("Seconds for the training to save a checkpoint.")
@click.option(
    "--include-protected",
    metavar="NAME",
    multiple=True,
    help="Also delete this protected volume, or 'bucket', after asking for its name. Repeatable.",
)
@confirm_option
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    job: str | None,
    *,
    filters: Filters,
    every_job: bool,
    yes: bool,
    dry_run: bool,
    discard_artifacts: bool,
    grace: int,
    include_protected: tuple[str, ...],
    confirm: tuple[str, ...],
    workers: WorkerChoice,
) -> int:
    from runctl_auto.operations.down import DownOptions
    from runctl_auto.operations.down_all import down_all

    filtered = filters.choose or bool(workers.scheduler)
    _refuse_misuse(job, every_job=every_job, filtered=filtered, named=bool(include_protected or confirm))
    options = DownOptions(
        yes=yes,
        discard_artifacts=discard_artifacts,
        grace_seconds=grace,
        include_protected=include_protected,
        confirmed=confirm,
    )
    if job is None:
        session = invocation.session_of_all()
        with executor_for(invocation, session, workers) as executor:
            return _show_all(invocation, down_all(session, filters, options, executor, dry_run=dry_run))
    if dry_run:
        return _foresee(invocation, job, options)
    return _end(invocation, job, options)


def _refuse_misuse(job: str | None, *, every_job: bool, filtered: bool, named: bool) -> None:
    if (job is None) != every_job:
        raise click.UsageError("Name one JOB, or give --all.")
    if filtered and not every_job:
        raise click.UsageError("Filters and --scheduler are about many jobs: they need --all.")
    if named and every_job:
        raise click.UsageError(
            "--include-protected and --confirm are about one job; --all keeps what is protected."
        )


def _end(invocation: Invocation, job: str, options: DownOptions) -> int:
    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.cli.views.teardown import result_json, show_result
    from runctl_auto.operations.down import down, refuse_leaks

    here = invocation.local_session_of(job)
    with told_what_goes_on(invocation.console, job):
        if here is not None:
            from runctl_auto.operations.local.down import down_here

            result = down_here(here, job, options)
        else:
            result = down(invocation.session(), job, options)
    show_result(printer(invocation.console), result)
    refuse_leaks(result.receipt)
    invocation.console.result(result_json(result))
    return ExitCode.DONE


def _foresee(invocation: Invocation, job: str, options: DownOptions) -> int:
    from runctl_auto.cli.views.teardown import forecast_json, show_forecast
    from runctl_auto.operations.down import foresee

    here = invocation.local_session_of(job)
    if here is not None:
        from runctl_auto.operations.local.down import foresee_here

        forecast = foresee_here(here, job, options)
    else:
        forecast = foresee(invocation.session(), job, options)
    show_forecast(printer(invocation.console), forecast)
    invocation.console.result(forecast_json(forecast))
    return int(forecast.exit_code)


def _show_all(invocation: Invocation, result: DownAllResult) -> int:
    from runctl_auto.cli.views.teardown import all_json, show_all

    show_all(printer(invocation.console), result)
    invocation.console.result(all_json(result))
    return int(result.exit_code)
