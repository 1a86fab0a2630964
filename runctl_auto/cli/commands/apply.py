"""``runctl apply``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.executor_options import WorkerChoice, executor_for, executor_options
from runctl_auto.cli.folder_options import FolderChoice, folder_options
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.quantity_types import Duration
from runctl_auto.cli.report_options import report_option, reported
from runctl_auto.cli.shared_options import grace_option
from runctl_auto.errors import ExitCode

if TYPE_CHECKING:
    from runctl_auto.jobs.folder.entry import FolderPlan
    from runctl_auto.reports.formats import Wanted


@click.command(
    help="Make the jobs of FOLDER what their files say: create new ones, update changed ones, bring back "
    "lost ones. A file that `plan --out` saved is carried out as it was planned, or refused. Does not wait "
    "for runs to end. May be repeated at any time."
)
@click.argument("folder", metavar="FOLDER|PLAN", type=click.Path(path_type=Path, readable=False))
@folder_options
@executor_options()
@click.option("--yes", "-y", is_flag=True, help="Apply without planning first and without asking.")
@click.option(
    "--continue-on-error",
    is_flag=True,
    help="Begin the other jobs when one has failed; those that have begun always come to their end.",
)
@click.option(
    "--discard-artifacts", is_flag=True, help="With --prune: discard artifacts that were not fetched."
)
@grace_option("Seconds for a run that is replaced or ended to save a checkpoint.")
@click.option(
    "--max-age",
    type=Duration(),
    default="24h",
    show_default=True,
    help="How old a saved plan may be.",
)
@report_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if something was changed.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    folder: Path,
    *,
    chosen: FolderChoice,
    workers: WorkerChoice,
    yes: bool,
    continue_on_error: bool,
    discard_artifacts: bool,
    grace: int,
    max_age: int,
    reports: tuple[Wanted, ...],
    detailed_exitcode: bool,
) -> int:
    from runctl_auto.cli.views.folder_plan import plan_lines, result_lines
    from runctl_auto.local.printable import printable
    from runctl_auto.operations.apply import ApplyOptions, apply, apply_saved

    invocation.hold_policies_to(chosen.policy_base)
    console = invocation.console

    def show(plan: FolderPlan) -> None:
        told.plan = plan
        for line in plan_lines(plan, every_job=console.verbose):
            console.say(line)

    how = ApplyOptions(
        yes=yes,
        continue_on_error=continue_on_error,
        grace_seconds=grace,
        discard_artifacts=discard_artifacts,
    )
    with reported("apply", folder, reports) as told:
        session = invocation.session(policies=not chosen.no_policy)
        with executor_for(invocation, session, workers) as executor:
            if folder.is_file():
                if not chosen.is_whole:
                    raise click.UsageError(
                        "A saved plan says itself which jobs it is about: no --only, --changed-since, "
                        "--prune, --adopt and --refresh."
                    )
                result = apply_saved(session, folder, max_age, executor, how=how, show=show)
            else:
                result = apply(session, folder, chosen.options(), executor, how=how, show=show)
        told.result = result
        console.result(result.as_json())
        for line in result_lines(result):
            console.line(printable(line))
    if (
        detailed_exitcode
        and result.exit_code == ExitCode.DONE
        and any(each.outcome == "done" for each in result.results)
    ):
        return int(ExitCode.CHANGES)
    return int(result.exit_code)
