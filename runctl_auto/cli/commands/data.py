"""``runctl data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_names import JobName
from runctl_auto.cli.quantity_types import Duration

if TYPE_CHECKING:
    from runctl_auto.transfer.loader.writing import Form

_JOB_FILE = click.argument("job_file", type=click.Path(path_type=Path, readable=False))
_PATH = click.option("--path", metavar="PATH", help="The data with this path in the job file.")


@click.group(help="Compare the ways in which data come to a job, and write a loader for them.")
def command() -> None:
    pass


@command.command(
    short_help="Compare the strategies for the data of a job.",
    help="Compare the strategies for the data of JOB_FILE: the time to the first batch, the time of an "
    "epoch, and the cost of all runs. The recommended one is marked. Makes nothing.",
)
@_JOB_FILE
@_PATH
@click.option("--size", metavar="SIZE", help="Size of all data, such as 50GB; default: as listed.")
@click.option("--files", type=click.IntRange(min=1), help="Number of objects; default: as listed.")
@click.option("--epochs", type=click.IntRange(min=1), help="How often a run reads them all.")
@click.option("--runs", type=click.IntRange(min=1), help="How many runs read them.")
@click.option(
    "--training",
    type=Duration(),
    help="What the training itself takes for an epoch, such as 20m; default: nothing.",
)
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0, min_open=True),
    help="How long a volume or snapshot is kept for the runs; default: 30.",
)
@click.option("--instance-type", metavar="TYPE", help="Plan for this type; default: what `up` tries first.")
@click.option(
    "--price",
    type=click.FloatRange(min=0, min_open=True),
    help="USD an hour of the machine.",
)
@click.pass_obj
def plan(
    invocation: Invocation,
    /,
    job_file: Path,
    *,
    path: str | None,
    size: str | None,
    files: int | None,
    epochs: int | None,
    runs: int | None,
    training: int | None,
    keep_days: float | None,
    instance_type: str | None,
    price: float | None,
) -> None:
    from runctl_auto.cli.views.data_plan import COLUMNS, plan_heading, plan_rows, plan_words
    from runctl_auto.job_file.load import load_job_file
    from runctl_auto.jobs.permitted import refuse_disabled_provider
    from runctl_auto.operations.data_plan import Assumptions, plan_data_of

    given = Assumptions(
        size=_bytes(size),
        files=files,
        epochs=epochs,
        runs=runs,
        training=training,
        keep_days=keep_days,
        instance_type=instance_type,
        price=price,
    )
    spec = load_job_file(job_file).spec
    refuse_disabled_provider(spec, invocation.settings())
    found = plan_data_of(invocation.session(), spec, given, path)
    console = invocation.console
    console.result(found.as_json())
    for each in found.plans:
        console.line(plan_heading(each))
        console.table(COLUMNS, plan_rows(each.plan))
        for line in plan_words(each):
            console.line(line)


def _bytes(text: str | None) -> int | None:
    from runctl_auto.job_file.quantities import parse_bytes

    if text is None:
        return None
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", param_hint="--size") from error


@command.command(
    short_help="Print a PyTorch loader for the data of a job.",
    help="Print a PyTorch loader for the data of JOB_FILE: batches in a seeded order, read ahead by workers, "
    "which can be continued at any step with other numbers of workers and ranks. It is one file without "
    "runctl in it: `runctl data loader job.yaml > loader.py`.",
)
@_JOB_FILE
@_PATH
@click.option(
    "--format",
    "form",
    type=click.Choice(["files", "tar", "chunks"]),
    help="One sample a file, or many in tar files or in litdata's chunks; default: as listed.",
)
@click.option("--batch-size", type=click.IntRange(1, 100_000), default=64, show_default=True, help="Samples.")
@click.pass_obj
def loader(
    invocation: Invocation, job_file: Path, path: str | None, form: Form | None, batch_size: int
) -> None:
    from runctl_auto.job_file.load import load_job_file
    from runctl_auto.jobs.permitted import refuse_disabled_provider
    from runctl_auto.operations.data_loader import loader_for

    spec = load_job_file(job_file).spec
    refuse_disabled_provider(spec, invocation.settings())
    written = loader_for(invocation.session(), spec, path=path, form=form, batch_size=batch_size)
    console = invocation.console
    console.result(written.as_json())
    console.line(written.text.rstrip("\n"))
    for note in written.notes:
        console.say(note)


@command.command(
    short_help="Show how far volumes from snapshots are filled.",
    help="Show how far the volumes of JOB that were made from a snapshot are filled.",
)
@click.argument("job", type=JobName())
@click.pass_obj
def status(invocation: Invocation, job: str) -> None:
    from runctl_auto.cli.views.data_plan import VOLUME_COLUMNS, volume_row
    from runctl_auto.operations.data_status import data_status

    volumes = data_status(invocation.session_of(job), job)
    invocation.console.result({"job": job, "volumes": [each.as_json() for each in volumes]})
    if volumes:
        invocation.console.table(VOLUME_COLUMNS, [volume_row(each) for each in volumes])
    else:
        invocation.console.line(f"Job '{job}' has no volume that was made from a snapshot.")
