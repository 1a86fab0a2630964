"""``runctl ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
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
    help="List the jobs of the backend. Filters are combined; a repeated filter matches any of its values, "
    "repeated tags must all match. COST is what the job has cost so far, over all its runs and machines."
)
@click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="Only jobs with this tag.")
@click.option("--project", "projects", multiple=True, metavar="NAME", help="Only jobs of this project.")
@click.option("--owner", "owners", multiple=True, metavar="NAME", help="Only jobs of this owner.")
@click.option(
    "--phase", "phases", multiple=True, metavar="PHASE", help="Only jobs whose run is in this phase."
)
@click.pass_obj
def command(
    invocation: Invocation,
    tags: tuple[str, ...],
    projects: tuple[str, ...],
    owners: tuple[str, ...],
    phases: tuple[str, ...],
) -> None:
    from runctl_auto.operations.ls import Filters, ls

    wanted = Filters(
        tags={key: value if equals else None for key, equals, value in (tag.partition("=") for tag in tags)},
        projects=frozenset(projects),
        owners=frozenset(owners),
        phases=_known(phases),
    )
    found = ls(invocation.session(), wanted)
    if invocation.console.as_json:
        invocation.console.result({"jobs": [each.as_json() for each in found]})
    else:
        invocation.console.table(_COLUMNS, [_row(each) for each in found])
    for each in found:
        if each.problem is not None:
            invocation.console.say(f"{each.summary.name}: {each.problem}")


def _known(phases: tuple[str, ...]) -> frozenset[str]:
    from runctl_auto.agent.contract import PHASES
    from runctl_auto.run.status import LOST

    known = sorted({*PHASES, LOST, "starting"})
    for phase in phases:
        if phase not in known:
            raise click.BadParameter(f"{phase!r} is no phase; phases are {', '.join(known)}.")
    return frozenset(phases)


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
