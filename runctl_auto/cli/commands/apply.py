"""``runctl apply``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.executor_options import executor_for, executor_options
from runctl_auto.cli.folder_options import folder_options
from runctl_auto.cli.invocation import Invocation

if TYPE_CHECKING:
    from runctl_auto.jobs.folder.entry import FolderPlan


@click.command(
    help="Make the jobs of FOLDER what their files say: create new ones, update changed ones, bring back "
    "lost ones. Does not wait for their runs to end. May be repeated at any time."
)
@click.argument("folder", type=click.Path(path_type=Path, readable=False))
@folder_options
@executor_options(parallel=False)
@click.option(
    "--refresh",
    is_flag=True,
    help="Compare jobs that are unchanged with the cloud too, and undo what others have changed of them; "
    "`runctl drift` shows what that is.",
)
@click.option("--yes", "-y", is_flag=True, help="Apply without planning first and without asking.")
@click.option(
    "--continue-on-error",
    is_flag=True,
    help="Begin the other jobs when one has failed; those that have begun always come to their end.",
)
@click.option(
    "--discard-artifacts", is_flag=True, help="With --prune: discard artifacts that were not fetched."
)
@click.option(
    "--grace",
    type=click.IntRange(0, 3600),
    default=30,
    show_default=True,
    help="Seconds for a run that is replaced or ended to save a checkpoint.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    folder: Path,
    *,
    only: tuple[str, ...],
    changed_since: str | None,
    prune: bool,
    adopt: bool,
    parallel: int,
    executor: str,
    scheduler: str | None,
    policy_base: Path | None,
    no_policy: bool,
    refresh: bool,
    yes: bool,
    continue_on_error: bool,
    discard_artifacts: bool,
    grace: int,
) -> int:
    from runctl_auto.cli.views.folder_plan import plan_lines, result_lines
    from runctl_auto.jobs.folder.options import FolderOptions
    from runctl_auto.local.printable import printable
    from runctl_auto.operations.apply import ApplyOptions, apply

    invocation.hold_policies_to(policy_base)
    console = invocation.console
    session = invocation.session(policies=not no_policy)

    def show(plan: FolderPlan) -> None:
        for line in plan_lines(plan, every_job=console.verbose):
            console.say(line)

    with executor_for(
        invocation, session, executor=executor, scheduler=scheduler, parallel=parallel
    ) as workers:
        result = apply(
            session,
            folder,
            FolderOptions(
                only=only,
                changed_since=changed_since,
                prune=prune,
                adopt=adopt,
                refresh=refresh,
                grace_seconds=grace,
                discard_artifacts=discard_artifacts,
            ),
            workers,
            how=ApplyOptions(yes=yes, continue_on_error=continue_on_error),
            show=show,
        )
    console.result(result.as_json())
    for line in result_lines(result):
        console.line(printable(line))
    return int(result.exit_code)
