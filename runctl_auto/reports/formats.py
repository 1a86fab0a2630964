"""The formats of reports by name, and where each is to be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runctl_auto.errors import UsageError
from runctl_auto.local.atomic_file import replace_file
from runctl_auto.local.strict_json import strict_json
from runctl_auto.reports.cost import cost
from runctl_auto.reports.junit import junit
from runctl_auto.reports.markdown import markdown
from runctl_auto.reports.report import Report
from runctl_auto.reports.sarif import sarif

Render = Callable[[Report, datetime], str]


def json_report(report: Report) -> str:
    """What `--output json` prints: the result, the plan, or the error."""
    told = report.result or report.plan or report.error
    return strict_json(told.as_json() if told is not None else {}, indent=2) + "\n"


FORMATS: dict[str, Render] = {
    "markdown": lambda report, now: markdown(report),  # noqa: ARG005
    "json": lambda report, now: json_report(report),  # noqa: ARG005
    "junit": lambda report, now: junit(report),  # noqa: ARG005
    "sarif": lambda report, now: sarif(report),  # noqa: ARG005
    "cost": cost,
}


@dataclass(frozen=True)
class Wanted:
    """A report that was asked for."""

    format: str
    file: Path


def parse_wanted(text: str) -> Wanted:
    """``FORMAT=FILE``. Raises ``ValueError`` that says what is wrong."""
    name, equals, file = text.partition("=")
    if not equals or not file:
        raise ValueError(f"{text!r} is not FORMAT=FILE")
    if name not in FORMATS:
        raise ValueError(f"{name!r} is not one of {', '.join(FORMATS)}")
    return Wanted(name, Path(file))


def write_reports(report: Report, wanted: Sequence[Wanted], now: datetime) -> None:
    """Writes each report, replacing an earlier one; missing folders are made.

    Raises ``UsageError`` for the first that cannot be written, once the others are.
    """
    refused: list[tuple[Wanted, OSError]] = []
    for each in wanted:
        text = FORMATS[each.format](report, now)
        try:
            each.file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(each.file, text)
        except OSError as error:
            refused.append((each, error))
    if refused:
        first, cause = refused[0]
        raise UsageError(
            f"The report {first.file} cannot be written: {cause.strerror}.",
            where={"file": str(first.file)},
            next_step="Name another file.",
        ) from cause
