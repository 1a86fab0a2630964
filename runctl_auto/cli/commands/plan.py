"""``runctl plan``."""

from __future__ import annotations

from pathlib import Path

import click

from runctl_auto.cli.folder_options import folder_options
from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import ExitCode


@click.command(
    help="Show what `apply FOLDER` would change: every job file (*.yaml) below FOLDER is a job. New ones are "
    "created, changed ones updated, lost ones brought back. Changes nothing."
)
@click.argument("folder", type=click.Path(path_type=Path, readable=False))
@folder_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
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
    policy_base: Path | None,
    no_policy: bool,
    detailed_exitcode: bool,
) -> int:
    from runctl_auto.cli.local_workers import local_workers
    from runctl_auto.cli.views.folder_plan import plan_lines
    from runctl_auto.jobs.folder.options import FolderOptions
    from runctl_auto.local.printable import printable
    from runctl_auto.operations.plan import plan

    invocation.hold_policies_to(policy_base)
    console = invocation.console
    session = invocation.session(policies=not no_policy)
    options = FolderOptions(only=only, changed_since=changed_since, prune=prune, adopt=adopt)
    found = plan(session, folder, options, local_workers(session, console, parallel))
    console.result(found.as_json())
    for line in plan_lines(found, every_job=console.verbose):
        console.line(printable(line))
    if found.exit_code != ExitCode.DONE:
        return int(found.exit_code)
    return int(ExitCode.CHANGES) if detailed_exitcode and found.has_changes else int(ExitCode.DONE)
