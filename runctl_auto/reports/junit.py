"""The report as JUnit XML: a test case for each job, failed where the job failed."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from runctl_auto.jobs.folder.entry import Failure
from runctl_auto.reports.report import Report, Row
from runctl_auto.reports.untrusted_text import one_line

_NAME = 200
_TEXT = 10_000


def junit(report: Report) -> str:
    """The XML text, with a declaration."""
    rows = list(report.rows())
    errors = 0 if report.error is None else 1
    suite = Xml.Element(
        "testsuite",
        name=f"runctl {report.verb}",
        tests=str(len(rows) + errors),
        failures=str(report.failed),
        errors=str(errors),
        skipped=str(sum(1 for each in rows if each.outcome == "not-begun")),
        time=f"{sum(each.seconds for each in rows):.1f}",
    )
    if report.error is not None:
        case = Xml.SubElement(suite, "testcase", classname="runctl", name=one_line(report.folder, _NAME))
        _fault(case, "error", report.error)
    for row in rows:
        _case(suite, row)
    suites = Xml.Element("testsuites")
    suites.append(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(suites, encoding="unicode") + "\n"


def _case(suite: Xml.Element, row: Row) -> None:
    entry = row.entry
    case = Xml.SubElement(
        suite,
        "testcase",
        classname=one_line(entry.file or "removed", _NAME),
        name=one_line(entry.title, _NAME),
        time=f"{row.seconds:.1f}",
    )
    if entry.file is not None:
        case.set("file", one_line(entry.file, _NAME))
    if row.error is not None:
        _fault(case, "failure", row.error)
    elif row.outcome == "not-begun":
        Xml.SubElement(case, "skipped", message="not begun: another job failed before")
    told = [f"{entry.action}: {entry.reason}", *(str(each.violation) for each in entry.findings)]
    output = Xml.SubElement(case, "system-out")
    output.text = "\n".join(one_line(each, _TEXT) for each in told)


def _fault(case: Xml.Element, kind: str, error: Failure) -> None:
    fault = Xml.SubElement(case, kind, message=one_line(error.what, _TEXT), type=error.kind)
    told = [*error.text.splitlines(), *([f"next: {error.next_step}"] if error.next_step else [])]
    fault.text = "\n".join(one_line(each, _TEXT) for each in told)
