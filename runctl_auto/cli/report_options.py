"""The option `--report` of `plan` and `apply`, and the writing of what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runctl_auto.errors import RunctlError

if TYPE_CHECKING:
    from runctl_auto.jobs.folder.entry import FolderPlan, FolderResult
    from runctl_auto.reports.formats import Wanted
    from runctl_auto.reports.report import Verb

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def report_option(command: CommandT) -> CommandT:
    """Adds the option, whose value is a tuple of ``Wanted``."""
    return click.option(
        "--report",
        "reports",
        multiple=True,
        callback=_wanted,
        metavar="FORMAT=FILE",
        help="Write a report, also of a failure: markdown (for a comment), json, junit, sarif (findings of "
        "policies) or cost (as Infracost names it). Repeatable.",
    )(command)


@dataclass
class Told:
    """What there is to report: set by the command as far as it comes."""

    plan: FolderPlan | None = None
    result: FolderResult | None = None


@contextmanager
def reported(verb: Verb, folder: Path, wanted: Sequence[Wanted]) -> Iterator[Told]:
    """Writes the reports once the command is through, or has failed."""
    told = Told()
    try:
        yield told
    except RunctlError as error:
        _write(verb, folder, wanted, told, error)
        raise
    _write(verb, folder, wanted, told, None)


def _write(verb: Verb, folder: Path, wanted: Sequence[Wanted], told: Told, error: RunctlError | None) -> None:
    if not wanted:
        return
    from runctl_auto.jobs.folder.entry import failure_of
    from runctl_auto.reports.formats import write_reports
    from runctl_auto.reports.report import Report

    plan = told.plan if told.result is None else told.result.plan
    report = Report(
        verb=verb,
        folder=str(folder),
        plan=plan,
        result=told.result,
        error=None if error is None else failure_of(error),
    )
    write_reports(report, wanted, datetime.now(timezone.utc))


def _wanted(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    value: tuple[str, ...],
) -> tuple[Wanted, ...]:
    if not value:
        return ()
    from runctl_auto.reports.formats import parse_wanted

    try:
        return tuple(parse_wanted(each) for each in value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
