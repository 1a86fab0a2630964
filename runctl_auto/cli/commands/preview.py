"""``runctl preview``."""

from __future__ import annotations

from pathlib import Path

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import no_policy_option
from runctl_auto.errors import ExitCode


@click.command(help="Show what `up JOB_FILE` would change.")
@click.argument("job_file", type=click.Path(path_type=Path, readable=False))
@click.option("--rerun", is_flag=True, help="Plan as `up --rerun` would.")
@click.option(
    "--policy-base",
    type=click.Path(path_type=Path, readable=False),
    metavar="PATH",
    help="Checkout of the base branch, or a policies file, that policies.yaml may tighten and not loosen.",
)
@no_policy_option
@click.option(
    "--show-files", is_flag=True, help="List every file that travels, and what is left out and why."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    job_file: Path,
    *,
    rerun: bool,
    policy_base: Path | None,
    no_policy: bool,
    show_files: bool,
    detailed_exitcode: bool,
) -> int | None:
    from dataclasses import asdict

    from runctl_auto.cli.views.work_folder import work_folder_json
    from runctl_auto.cost.cost_json import cost_json
    from runctl_auto.jobs.check import check_job
    from runctl_auto.jobs.permitted import refuse_disabled_provider
    from runctl_auto.operations.preview import preview

    invocation.hold_policies_to(policy_base)
    invocation.console.show_files = show_files
    job = check_job(job_file)
    refuse_disabled_provider(job.spec, invocation.settings())
    view = preview(invocation.session(policies=not no_policy), job, rerun=rerun)
    invocation.console.result(
        {
            "job": view.job,
            "run": view.run,
            "changes": [asdict(each) for each in view.plan.changes],
            "unchanged": view.plan.unchanged,
            "placement": view.placement.as_json() if view.placement else None,
            "offers": [each.as_json() for each in view.offers],
            "work_folder": work_folder_json(job.work_folder, every_file=show_files),
            "notes": list(view.notes),
            "program": str(view.program) if view.program else None,
            "cost": cost_json(view.cost, view.cost_before) if view.cost else None,
        }
    )
    return int(ExitCode.CHANGES) if detailed_exitcode and view.plan.changes else None
