"""``runctl ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_filters import filters_of, job_filters
from runctl_auto.cli.views.amounts import short_age, spent_text
from runctl_auto.cli.views.table import Column

if TYPE_CHECKING:
    from runctl_auto.jobs.listing import ListedJob

_COLUMNS = (
    Column("JOB"),
    Column("PHASE"),
    Column("MACHINE", spare=1),
    Column("ZONE", spare=4),
    Column("AGE", spare=2, right=True),
    Column("COST", spare=3, right=True),
    Column("HEARD", spare=5, right=True),
    Column("CHECKPOINTS", spare=6, right=True),
    Column("OWNER", spare=7),
    Column("RUN", spare=8),
)


@click.command(
    help="List the jobs of the backend, and its volumes and snapshots. Filters are combined; a repeated "
    "filter matches any of its values, repeated tags must all match. COST is what the job has cost so far, "
    "over all its runs and machines."
)
@job_filters()
@click.pass_obj
def command(
    invocation: Invocation,
    tags: tuple[str, ...],
    projects: tuple[str, ...],
    owners: tuple[str, ...],
    phases: tuple[str, ...],
) -> None:
    from runctl_auto.cli.views.storage import show_snapshots, show_volumes
    from runctl_auto.operations.ls import ls, ls_storage

    wanted, session = filters_of(tags, projects, owners, phases), invocation.session()
    found = ls(session, wanted)
    storage = ls_storage(session, wanted)
    volumes = [each for each in storage if each.kind == "volume"]
    snapshots = [each for each in storage if each.kind == "snapshot"]
    if invocation.console.as_json:
        invocation.console.result(
            {
                "jobs": [each.as_json() for each in found],
                "volumes": [each.as_json() for each in volumes],
                "snapshots": [each.as_json() for each in snapshots],
            }
        )
    else:
        invocation.console.table(_COLUMNS, [_row(each) for each in found])
    for each in found:
        if each.problem is not None:
            invocation.console.say(f"{each.summary.name}: {each.problem}")
    if volumes:
        invocation.console.line()
        show_volumes(invocation, volumes)
    if snapshots:
        invocation.console.line()
        show_snapshots(invocation, snapshots)


def _row(job: ListedJob) -> tuple[str, ...]:
    facts = job.facts
    if facts is None:
        return (job.summary.name, job.phase or "unknown", *("-" for _ in _COLUMNS[2:]))
    place = facts.config.placement
    checkpoints = facts.checkpoints
    return (
        job.summary.name,
        job.phase or "unknown",
        f"{place.instance_type} {place.market}",
        place.zone,
        short_age(facts.age_seconds) if facts.status else "-",
        spent_text(facts.cost.total),
        short_age(facts.heartbeat_age_seconds) if facts.status else "-",
        str(checkpoints["count"]) if checkpoints else "-",
        facts.config.owner,
        facts.config.run.id,
    )
