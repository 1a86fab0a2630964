"""``runctl metrics``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation


@click.command(
    help="Show the metrics of JOB's run: what its training prints or logs, and how its machine is used. JOB "
    "may be JOB/RUN. Training metrics are read from the output (`loss=0.5`, JSON, progress bars), from the "
    "file $RUNCTL_METRICS, from metrics.csv and from TensorBoard's event files."
)
@click.argument("job")
@click.option("--run", metavar="RUN", help="Another run of the job; default: the present one.")
@click.option("--metric", "-m", "names", multiple=True, metavar="NAME", help="Only these metrics.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all points as CSV.")
@click.pass_obj
def command(invocation: Invocation, job: str, run: str | None, names: tuple[str, ...], as_csv: bool) -> None:
    from runctl_auto.cli.views import metrics as view
    from runctl_auto.jobs.run_metrics import RunName
    from runctl_auto.observe.metrics.series import as_json
    from runctl_auto.operations.metrics import chosen_series, metrics

    console = invocation.console
    console.ends_with_reader = True
    found = metrics(invocation.session_of(job), RunName.of(job, run))
    known = found.metrics
    training, machine = (known.training, known.machine) if known else ((), ())
    if names:
        chosen = chosen_series(found, names)
        training = tuple(each for each in chosen if each in training)
        machine = tuple(each for each in chosen if each in machine)
    if as_csv:
        console.text(view.csv_text((*training, *machine)))
        return
    console.result(
        {
            "job": found.job,
            "run": found.run,
            "kept": found.is_kept,
            "problem": known.problem if known else None,
            "began_at": known.began_at.isoformat() if known and known.began_at else None,
            "updated_at": known.updated_at.isoformat() if known and known.updated_at else None,
            "training": [as_json(each) for each in training],
            "machine": [as_json(each) for each in machine],
            "left_out": known.left_out if known else 0,
        }
    )
    if training:
        console.table(view.TRAINING, [view.training_row(each) for each in training])
    if machine:
        if training:
            console.line()
        console.table(view.MACHINE, [view.machine_row(each) for each in machine])
    for note in view.notes(found):
        console.say(note)
