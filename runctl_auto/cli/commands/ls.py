"""``runctl ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_filters import job_filters
from runctl_auto.cli.views.stopped import stopped_note
from runctl_auto.cli.views.table import Column
from runctl_auto.reports.figures import short_age, spent_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runctl_auto.agent.status_format import MetricsSummaryJson
    from runctl_auto.jobs.filters import Filters
    from runctl_auto.jobs.listing import ListedJob
    from runctl_auto.jobs.run_facts import RunFacts
    from runctl_auto.jobs.storage.listing import ListedStorage

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
    "over all its runs and machines. With -v also each run's first metric, such as its loss."
)
@job_filters()
@click.option("--csv", "as_csv", is_flag=True, help="Print the jobs as CSV.")
@click.pass_obj
def command(invocation: Invocation, /, *, filters: Filters, as_csv: bool) -> None:
    from runctl_auto.cli.views.storage import show_snapshots, show_volumes
    from runctl_auto.operations.ls import ls, ls_storage

    here = jobs_here(invocation, filters)
    storage: tuple[ListedStorage, ...] = ()
    if here and not invocation.has_stacks():
        found = here
    else:
        session = invocation.session(changes=False)
        found = tuple(sorted((*ls(session, filters), *here), key=lambda each: each.summary.name))
        storage = ls_storage(session, filters)
    if as_csv and not invocation.console.as_json:
        _print_csv(invocation, found)
        return
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
        _show(invocation, found)
    note = stopped_note([each.summary.name for each in found if each.phase == "stopped"])
    if note is not None:
        invocation.console.say(note)
    for each in found:
        if each.problem is not None:
            invocation.console.say(f"{each.summary.name}: {each.problem}")
    if volumes:
        invocation.console.line()
        show_volumes(invocation, volumes)
    if snapshots:
        invocation.console.line()
        show_snapshots(invocation, snapshots)


def jobs_here(invocation: Invocation, filters: Filters) -> tuple[ListedJob, ...]:
    """The jobs of this machine that fit; without any, nothing of them is imported."""
    session = invocation.session_here()
    if session is None:
        return ()
    from runctl_auto.jobs.local.listing import list_here

    return list_here(session, filters)


def _show(invocation: Invocation, jobs: Sequence[ListedJob]) -> None:
    if not invocation.console.verbose:
        invocation.console.table(_COLUMNS, [_row(each) for each in jobs])
        return
    from runctl_auto.cli.views.metrics import summary_text

    rows = [(*_row(each), summary_text(_metrics(each)) or "-") for each in jobs]
    invocation.console.table((*_COLUMNS, Column("METRIC", spare=2)), rows)


_CSV = (
    "job",
    "phase",
    "machine",
    "market",
    "zone",
    "age_seconds",
    "usd",
    "heartbeat_age_seconds",
    "owner",
    "run",
)


def _print_csv(invocation: Invocation, jobs: Sequence[ListedJob]) -> None:
    """What is unknown is empty."""
    from runctl_auto.cli.views.ledger import csv_text

    invocation.console.text(csv_text(_CSV, [_csv_row(each) for each in jobs]))


def _csv_row(job: ListedJob) -> tuple[object, ...]:
    facts = job.facts
    if facts is None:
        return (job.summary.name, job.phase or "", *("" for _ in _CSV[2:]))
    place, known = facts.config.placement, facts.status is not None
    usd = facts.cost.total.usd
    return (
        job.summary.name,
        job.phase or "",
        place.instance_type,
        place.market,
        place.zone,
        round(facts.age_seconds) if known and facts.age_seconds is not None else "",
        "" if usd is None else f"{usd:.6f}",
        round(facts.heartbeat_age_seconds) if known and facts.heartbeat_age_seconds is not None else "",
        facts.config.owner,
        facts.config.run.id,
    )


def _nodes(facts: RunFacts) -> str:
    """``3/4 x``: how many of several machines are there; their number where that is not known."""
    nodes, present = facts.config.job.nodes, facts.status.nodes_present if facts.status else None
    if nodes == 1:
        return ""
    return f"{nodes} x " if present is None else f"{present}/{nodes} x "


def _metrics(job: ListedJob) -> MetricsSummaryJson | None:
    status = job.facts.status if job.facts else None
    return status.metrics if status else None


def _row(job: ListedJob) -> tuple[str, ...]:
    facts = job.facts
    if facts is None:
        return (job.summary.name, job.phase or "unknown", *("-" for _ in _COLUMNS[2:]))
    place = facts.config.placement
    checkpoints = facts.checkpoints
    return (
        job.summary.name,
        job.phase or "unknown",
        f"{_nodes(facts)}{place.instance_type} {place.market}",
        place.zone,
        short_age(facts.age_seconds) if facts.status else "-",
        spent_text(facts.cost.total),
        short_age(facts.heartbeat_age_seconds) if facts.status else "-",
        str(checkpoints["count"]) if checkpoints else "-",
        facts.config.owner,
        facts.config.run.id,
    )
