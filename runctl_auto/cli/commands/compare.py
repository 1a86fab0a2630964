"""``runctl compare``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_names import JobName


@click.command(
    help="Compare runs: how they ended and their training metrics. A run is JOB, for its present run, or "
    "JOB/RUN, also of a job that `runctl down` has deleted."
)
@click.argument("runs", nargs=-1, required=True, type=JobName(), metavar="RUN RUN...")
@click.pass_obj
def command(invocation: Invocation, runs: tuple[str, ...]) -> None:
    from runctl_auto.cli.views.metrics import comparison_rows, notes
    from runctl_auto.errors import UsageError
    from runctl_auto.jobs.run_metrics import RunName
    from runctl_auto.operations.compare import compare

    if len(runs) < 2:
        raise UsageError("One run cannot be compared.", next_step="Name another one: `JOB` or `JOB/RUN`.")
    console = invocation.console
    console.ends_with_reader = True
    found = compare(invocation.session_of(*runs), [RunName.of(each) for each in runs])
    console.result(found.as_json())
    console.table(*comparison_rows(found))
    for run in found.runs:
        if run.metrics is None or run.metrics.problem is not None:
            for note in notes(run):
                console.say(note)
