"""``runctl plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.executor_options import parallel_option
from runctl_auto.cli.folder_options import FolderChoice, folder_options
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.report_options import report_option, reported
from runctl_auto.errors import ExitCode

if TYPE_CHECKING:
    from runctl_auto.reports.formats import Wanted


@click.command(
    help="Show what `apply FOLDER` would change: every job file (*.yaml) below FOLDER is a job. New ones are "
    "created, changed ones updated, lost ones brought back. Changes nothing."
)
@click.argument("folder", type=click.Path(path_type=Path, readable=False))
@folder_options
@parallel_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the plan, which `apply FILE` carries out as it is or refuses.",
)
@report_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    folder: Path,
    *,
    chosen: FolderChoice,
    parallel: int,
    out: Path | None,
    reports: tuple[Wanted, ...],
    detailed_exitcode: bool,
) -> int:
    from runctl_auto.cli.local_workers import local_workers
    from runctl_auto.cli.views.folder_plan import plan_lines
    from runctl_auto.local.printable import printable
    from runctl_auto.operations.plan import plan

    invocation.hold_policies_to(chosen.policy_base)
    console = invocation.console
    with reported("plan", folder, reports) as told:
        session = invocation.session(policies=not chosen.no_policy)
        workers = local_workers(session, console, parallel)
        found = plan(session, folder, chosen.options(), workers, out=out)
        told.plan = found
        console.result(found.as_json())
        for line in plan_lines(found, every_job=console.verbose):
            console.line(printable(line))
    if found.exit_code != ExitCode.DONE:
        return int(found.exit_code)
    return int(ExitCode.CHANGES) if detailed_exitcode and found.has_changes else int(ExitCode.DONE)
