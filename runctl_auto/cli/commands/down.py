"""``runctl down``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.views.remote_text import printer
from runctl_auto.local.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from runctl_auto.jobs.artifacts import Download
    from runctl_auto.leftovers.receipt import Receipt
    from runctl_auto.operations.down import DownResult


@click.command(
    help="Stop JOB, fetch its artifacts, delete its unprotected resources and verify that none is left."
)
@click.argument("job")
@click.option("--yes", "-y", is_flag=True, help="Apply without asking.")
@click.option("--discard-artifacts", is_flag=True, help="Discard artifacts that have not been fetched yet.")
@click.option(
    "--grace",
    type=click.IntRange(0, 3600),
    default=30,
    show_default=True,
    help="Seconds for the training to save a checkpoint.",
)
@click.option(
    "--include-protected",
    metavar="NAME",
    multiple=True,
    help="Also delete this protected volume, or 'bucket', after asking for its name. Repeatable.",
)
@click.option(
    "--confirm",
    metavar="NAME",
    multiple=True,
    help="Answer to that question, for scripts; --yes does not answer it.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    job: str,
    *,
    yes: bool,
    discard_artifacts: bool,
    grace: int,
    include_protected: tuple[str, ...],
    confirm: tuple[str, ...],
) -> None:
    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.operations.down import DownOptions, down, refuse_leaks

    session = invocation.session()
    with told_what_goes_on(invocation.console, job):
        result = down(
            session,
            job,
            DownOptions(
                yes=yes,
                discard_artifacts=discard_artifacts,
                grace_seconds=grace,
                include_protected=include_protected,
                confirmed=confirm,
            ),
        )
    _show(invocation, result)
    refuse_leaks(result.receipt)
    invocation.console.result(_as_json(result))


def _as_json(result: DownResult) -> dict[str, object]:
    return {
        **result.receipt.as_json(),
        "stopped": result.stopped.how if result.stopped else None,
        "artifacts": [str(each.folder) for each in result.downloads],
        "receipt_file": str(result.receipt_file) if result.receipt_file else None,
    }


def _show_download(invocation: Invocation, download: Download) -> None:
    line = invocation.console.line
    line(f"artifacts: {download.folder} ({len(download.files)} files)")
    for problem in download.problems:
        line(f"  not stored: {printable(problem.path)} {printable(problem.why)}")


def _show_fates(line: Callable[[str], None], receipt: Receipt) -> None:
    """What was deleted, kept, could not be deleted, and leaked."""
    from runctl_auto.cli.progress import short_type
    from runctl_auto.cli.views.amounts import age_text, cost_text

    line(f"deleted ({len(receipt.deleted)}):")
    for deleted in receipt.deleted:
        line(f"  - {deleted.name} ({short_type(deleted.type)}) {deleted.id}")
    if receipt.kept:
        line(f"kept ({len(receipt.kept)}):")
    for kept in receipt.kept:
        line(f"  = {kept.name} ({short_type(kept.type)}) {kept.id}: {kept.why}")
    if receipt.blocked:
        line(f"could not be deleted ({len(receipt.blocked)}):")
    for blocked in receipt.blocked:
        line(f"  ! {blocked.name} ({short_type(blocked.type)}) {blocked.id}: {blocked.why}")
        line(f"    {blocked.next_step}")
    if receipt.leaked:
        line(f"left ({len(receipt.leaked)}):")
    for leak in receipt.leaked:
        line(f"  ! {leak.kind} {leak.id}: {age_text(leak.age_seconds)}, {cost_text(leak.cost_hour)}")
        line(f"    {leak.remove}")


def _show(invocation: Invocation, result: DownResult) -> None:
    line, receipt = printer(invocation.console), result.receipt
    for each in result.downloads:
        _show_download(invocation, each)
    _show_fates(line, receipt)
    for foreign in receipt.foreign:
        line(f"not touched, since it is {foreign.owner}'s: {foreign.kind} {foreign.id}")
    for unchecked in receipt.unchecked:
        line(f"not looked for: {unchecked.kind}: {unchecked.why}")
    if result.receipt_file is not None:
        line(f"receipt: {result.receipt_file}")
    if not receipt.is_complete:
        return
    if receipt.kept:
        line(f"Nothing else of job '{receipt.job}' is left.")
    else:
        line(f"Nothing of job '{receipt.job}' is left.")
