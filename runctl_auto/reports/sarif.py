"""The report as SARIF 2.1.0: what policies found and what is wrong in job files, each with file and line."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from runctl_auto.errors import FieldProblem
from runctl_auto.jobs.folder.entry import Entry, Finding
from runctl_auto.local.strict_json import strict_json
from runctl_auto.reports.report import Report, Row
from runctl_auto.reports.untrusted_text import one_line

JOB_FILE_RULE = "job-file"
MOST_RESULTS = 5000
"""Services that take SARIF refuse files with many more."""

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_TEXT = 1000
_DESCRIPTIONS = {JOB_FILE_RULE: "A job file is valid."}

Level = Literal["error", "warning"]


def sarif(report: Report) -> str:
    """The JSON text. Findings beyond ``MOST_RESULTS`` are left out, those that refuse something last."""
    results = sorted(_results(report), key=lambda each: each["level"] != "error")[:MOST_RESULTS]
    rules = sorted({str(each["ruleId"]) for each in results})
    driver = {
        "name": "runctl",
        "version": version("runctl"),
        "rules": [
            {"id": rule, "shortDescription": {"text": _DESCRIPTIONS.get(rule, f"The policy {rule} holds.")}}
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "results": [{**each, "ruleIndex": rules.index(each["ruleId"])} for each in results],
        "columnKind": "unicodeCodePoints",
    }
    return strict_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _results(report: Report) -> Iterator[dict[str, Any]]:
    for row in report.rows():
        for finding in _findings(row):
            yield _of_policy(report, row.entry, finding)
        for problem in row.error.problems if row.error is not None else ():
            yield _of_file(report, row.entry, problem)


def _findings(row: Row) -> Iterator[Finding]:
    known = {each.violation for each in row.entry.findings}
    yield from row.entry.findings
    for violation in row.error.violations if row.error is not None else ():
        if violation not in known:
            yield Finding(violation, mandatory=True)


def _of_policy(report: Report, entry: Entry, finding: Finding) -> dict[str, Any]:
    found = finding.violation
    allowed = f"; allowed: {found.allowed}" if found.allowed else ""
    text = f"{found.found}{allowed} (resource {found.resource})"
    return _result(
        report,
        entry,
        rule=found.rule,
        level="error" if finding.mandatory else "warning",
        text=text,
        line=found.line,
    )


def _of_file(report: Report, entry: Entry, problem: FieldProblem) -> dict[str, Any]:
    text = str(problem).removeprefix(f"{problem.file}:")
    return _result(report, entry, rule=JOB_FILE_RULE, level="error", text=text, line=problem.line)


def _result(
    report: Report, entry: Entry, *, rule: str, level: Level, text: str, line: int | None
) -> dict[str, Any]:
    rule = one_line(rule, _TEXT) or "unknown"
    result: dict[str, Any] = {
        "ruleId": rule,
        "level": level,
        "message": {"text": one_line(f"{entry.title}: {text}", _TEXT)},
    }
    if entry.file is not None:
        place: dict[str, Any] = {"artifactLocation": {"uri": _address(report.folder, entry.file)}}
        if line is not None and line > 0:
            place["region"] = {"startLine": line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _address(folder: str, file: str) -> str:
    """The file's address relative to the current folder, which is that of the checkout."""
    path = Path(folder, file)
    inside = path.is_relative_to(Path.cwd())
    shown = path.relative_to(Path.cwd()).as_posix() if inside else path.as_posix()
    address = quote(_bytes_of(shown), safe="/")
    return f"file://{address}" if path.is_absolute() and not inside else address


def _bytes_of(name: str) -> bytes:
    """The bytes of a file's name; of halves of characters that no name has, a question mark."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "replace")
