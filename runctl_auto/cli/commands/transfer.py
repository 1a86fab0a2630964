"""``runctl transfer``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import yes_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from runctl_auto.transfer.meter import Progress
    from runctl_auto.transfer.options import Outcome

_HELP = """Move SRC to DST: files and trees between this machine and buckets, and the results of jobs.

SRC and DST are a path, s3://BUCKET/KEY, JOB:/path of the job's machine, JOB@artifacts or
JOB@checkpoints/SEQUENCE. What is at DST already
is not moved again, and a command that was killed continues where it was. Everything is verified with the
checksum that S3 keeps of the whole object. With --output json: one object a line, progress, then the result.
"""
_SHOWN = 20


@click.command(help=_HELP)
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only files that match; repeatable.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="No files that match; repeatable.")
@click.option("--gitignore", is_flag=True, help="Leave out what SRC's .gitignore files ignore, and .git.")
@click.option("--delete", is_flag=True, help="Delete at DST what SRC does not have. Asks first.")
@click.option("--dry-run", is_flag=True, help="Show what would be moved and deleted.")
@click.option("--verify", is_flag=True, help="Move nothing; compare SRC and DST by content.")
@click.option("--compress", type=click.Choice(["zstd"]), help="Compress files for which it pays.")
@click.option("--bandwidth", metavar="RATE", help="Bytes a second at most, such as 50MB.")
@click.option(
    "--connections", type=click.IntRange(1, 128), default=16, show_default=True, help="Connections at once."
)
@yes_option("Delete")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    source: str,
    target: str,
    *,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    gitignore: bool,
    delete: bool,
    dry_run: bool,
    verify: bool,
    compress: str | None,
    bandwidth: str | None,
    connections: int,
    yes: bool,
) -> None:
    from runctl_auto.local.user_folders import state_folder
    from runctl_auto.operations.transfer import Surroundings, compare_places, transfer
    from runctl_auto.transfer.options import Options
    from runctl_auto.transfer.pace import rate_of
    from runctl_auto.transfer.selection import Selection

    console = invocation.console
    console.one_line = True
    surroundings = Surroundings(
        invocation.open_bucket, invocation.session, console, state_folder(os.environ) / "transfers"
    )
    options = Options(
        selection=Selection(include, exclude, gitignore),
        delete=delete,
        dry_run=dry_run,
        compress=compress is not None,
        bandwidth=rate_of(bandwidth) if bandwidth else None,
        at_once=connections,
        report=_report(console),
    )
    if verify:
        with console.working(f"comparing {source} with {target}"):
            found = compare_places(surroundings, source, target, options)
        console.result({"verified": found.as_json()})
        count = len(found.compared)
        console.line(f"{count} files are the same on both sides" if count != 1 else "the file is the same")
        return
    with console.working(f"transferring {source} to {target}"):
        outcome = transfer(surroundings, source, target, options, yes=yes)
    console.result({"result": {"source": source, "target": target, **outcome.as_json()}})
    _print(console, outcome)


def _report(console: Console) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        console.json_line({"progress": progress.as_json()})
        console.progress(_progress_text(progress))

    return report


def _progress_text(progress: Progress) -> str:
    from runctl_auto.reports.figures import short_age, size_text

    text = (
        f"{progress.files} of {progress.files_total} files, "
        f"{size_text(progress.bytes)} of {size_text(progress.bytes_total)}"
    )
    if progress.rate is not None:
        text += f", {size_text(int(progress.rate))}/s, {short_age(progress.seconds_left)} left"
    return text


def _print(console: Console, outcome: Outcome) -> None:
    from runctl_auto.local.printable import printable
    from runctl_auto.reports.figures import size_text

    would = outcome.dry_run
    for path in outcome.moved:
        console.line(printable(f"would move    {path}"))
    for path in outcome.deleted if would else ():
        console.line(printable(f"would delete  {path}"))
    for each in outcome.not_transferable[:_SHOWN]:
        console.line(printable(f"not moved     {each.path}: {each.why}"))
    if len(outcome.not_transferable) > _SHOWN:
        console.line(f"not moved     {len(outcome.not_transferable) - _SHOWN} more")
    if outcome.unverified:
        console.line(
            f"not verified  {len(outcome.unverified)} files: S3 keeps no checksum of their whole objects"
        )
    parts = [f"{outcome.files} files, {size_text(outcome.bytes)} {'to move' if would else 'moved'}"]
    if outcome.same:
        parts.append(f"{outcome.same} there already")
    if outcome.deleted:
        parts.append(f"{len(outcome.deleted)} {'to delete' if would else 'deleted'}")
    console.line("; ".join(parts))
