"""``runctl leaks``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.executor_options import WorkerChoice, executor_for, executor_options
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import yes_option
from runctl_auto.cli.views.remote_text import printer
from runctl_auto.errors import ExitCode

if TYPE_CHECKING:
    from runctl_auto.operations.leaks import LeaksResult, RegionFinding
    from runctl_auto.providers.resource import CloudResource


@click.command(
    help="Compare runctl's resources in the account with the stacks of the backend: resources that no stack "
    "manages, resources that are gone, machines over their limits. Exits with 5 if any are found."
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    help="Region to check; default: the regions of the stacks, and yours. Repeatable.",
)
@click.option("--owner", "owners", multiple=True, help="Treat this owner's resources as yours. Repeatable.")
@click.option("--delete", is_flag=True, help="Delete the resources that no stack manages, after asking.")
@yes_option("Delete")
@click.option("--dry-run", is_flag=True, help="With --delete: show what it would delete, and delete nothing.")
@executor_options(parallel=False)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    regions: tuple[str, ...],
    owners: tuple[str, ...],
    *,
    delete: bool,
    yes: bool,
    dry_run: bool,
    workers: WorkerChoice,
) -> int:
    from runctl_auto.operations.leaks import LeaksOptions, find_leaks

    session = invocation.session()
    with executor_for(invocation, session, workers) as executor:
        options = LeaksOptions(regions, owners, delete, yes, dry_run)
        result = find_leaks(session, options, executor if workers.scheduler else None)
    invocation.console.result(result.as_json())
    _show(invocation, result)
    return int(ExitCode.LEAKED if result.finds_something else ExitCode.DONE)


def _show(invocation: Invocation, result: LeaksResult) -> None:
    line = printer(invocation.console)
    for finding in result.findings:
        _show_region(invocation, finding, result.at)
    for each in result.deleted:
        line(f"deleted: {each.kind} {each.id}")
    if result.dry_run and result.planned:
        line(f"Dry run: {len(result.planned)} things would be deleted.")
    for job, why in result.unread:
        line(f"the state of job '{job}' could not be read: {why}")
    things = sum(each.things for each in result.findings)
    regions = ", ".join(each.region for each in result.findings)
    line(f"{things} things of runctl's in account {result.account} ({regions}), {result.stacks} stacks.")
    if not result.finds_something:
        line("Nothing is leaked.")


def _show_region(invocation: Invocation, finding: RegionFinding, now: datetime) -> None:
    from runctl_auto.operations.leaks import describe_gone, describe_overdue

    line, comparison = printer(invocation.console), finding.comparison
    if comparison.orphans:
        line(f"no stack manages these, in {finding.region} ({len(comparison.orphans)}):")
    for orphan in comparison.orphans:
        line(f"  ! {_described(orphan.resource, now)}: {orphan.why}")
        line(f"    {orphan.resource.remove}")
        if orphan.keep is not None:
            line(f"    not removed by --delete: {orphan.keep}")
        if orphan.refused is not None:
            line(f"    not deleted by the cloud: {orphan.refused}")
    for gone in comparison.gone:
        line(f"  ! {describe_gone(gone)}")
    for overdue in comparison.overdue:
        line(f"  ! {describe_overdue(overdue)}")
    for each in comparison.protected:
        line(f"  = {_described(each, now)}: protected by its tag or your settings")
    for each in comparison.foreign:
        line(f"  = {_described(each, now)}: not managed from here, not touched")
    for each in comparison.unsettled:
        line(f"  ~ {_described(each, now)}: its job is being worked on")
    for unchecked in finding.unchecked:
        line(f"  ? {unchecked.kind}: not looked for: {unchecked.why}")


def _described(resource: CloudResource, now: datetime) -> str:
    from runctl_auto.reports.figures import age_text, cost_text

    whose = f", {resource.owner}'s" if resource.owner else ""
    age, cost = age_text(resource.age_seconds(now)), cost_text(resource.cost_hour)
    return f"{resource.kind} {resource.id} (job '{resource.job}'{whose}, {age}, {cost})"
