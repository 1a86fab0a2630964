"""``runctl plot``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_names import JobName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runctl_auto.observe.metrics.line_chart import Curve


@click.command(
    help="Plot metrics of runs: in the terminal, or with --svg as a picture. A run is JOB, for its present "
    "run, or JOB/RUN; the metrics of several runs come into one plot."
)
@click.argument("runs", nargs=-1, required=True, type=JobName(), metavar="RUN...")
@click.option(
    "--metric", "-m", "names", multiple=True, required=True, metavar="NAME", help="What is plotted."
)
@click.option("--run", metavar="RUN", help="Another run of the only job that is named.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Write a picture instead.")
@click.option("--log", "logarithmic", is_flag=True, help="Logarithmic values; those up to 0 are left out.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    runs: tuple[str, ...],
    *,
    names: tuple[str, ...],
    run: str | None,
    svg: Path | None,
    logarithmic: bool,
) -> None:
    from runctl_auto.errors import UsageError
    from runctl_auto.jobs.run_metrics import RunName
    from runctl_auto.observe.metrics.line_chart import line_chart
    from runctl_auto.operations.plot import curves, refuse_without_plotext

    if run is not None and len(runs) > 1:
        raise UsageError("--run is for a single job.", next_step="Name the runs as JOB/RUN.")
    if svg is None and not invocation.console.as_json:
        refuse_without_plotext()
    wanted = [RunName.of(each, run) for each in runs]
    found = curves(invocation.session_of(*runs), wanted, names)
    invocation.console.result(
        {"curves": [each.as_json() for each in found], "file": str(svg) if svg else None}
    )
    if svg is not None:
        _write(svg, line_chart(found, logarithmic=logarithmic))
        invocation.console.line(f"wrote {svg}")
    elif not invocation.console.as_json:
        _show(invocation, found, logarithmic)


def _show(invocation: Invocation, curves: Sequence[Curve], logarithmic: bool) -> None:
    from runctl_auto.cli.views.terminal_plot import terminal_plot

    for line in terminal_plot(
        curves, width=invocation.console.width, colours=invocation.console.is_terminal, log=logarithmic
    ):
        invocation.console.line(line)


def _write(file: Path, text: str) -> None:
    from runctl_auto.errors import UsageError
    from runctl_auto.local.atomic_file import replace_file

    try:
        replace_file(file, text)
    except OSError as error:
        raise UsageError(
            f"{file} could not be written: {error.strerror or error}",
            where={"file": str(file)},
            next_step="Choose another place.",
        ) from error
