"""Whatever names, messages and sizes are: every report reads back, keeps its bounds, and does nothing."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from html.parser import HTMLParser
from xml.etree import ElementTree as Xml

from hypothesis import HealthCheck, given, settings
from support.folder_reports import any_report

from runctl_auto.reports.formats import FORMATS
from runctl_auto.reports.markdown import LIMIT, MARK
from runctl_auto.reports.report import Report
from runctl_auto.reports.sarif import MOST_RESULTS

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
ANY = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
TAGS = {"details", "summary", "code", "pre", "b"}
CODE = re.compile(r"<code>(?:[A-Za-z0-9 \u00a0-\U0010ffff-]|&#\d+;)*</code>")
BLOCK = re.compile(r"<pre>[^<>]*</pre>")
OURS = re.compile(r"[\w \n|*#~+!.,:;()→…/\-`≥]*")


class Tags(HTMLParser):
    """The tags of a page, each closed by its own."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.comments = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert [name for name, _ in attrs] in ([], ["open"])
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments += 1


@ANY
@given(any_report())
def test_markdown_is_ours_but_for_what_is_code(report: Report) -> None:
    text = FORMATS["markdown"](report, NOW)
    text.encode("utf-8")
    assert len(text.encode("utf-16-le")) // 2 <= LIMIT
    mark = MARK.format(verb=report.verb)
    assert text.startswith(f"{mark}\n")
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    assert tags.comments == 1
    rest = BLOCK.sub("", CODE.sub("", text.removeprefix(mark)))
    rest = re.sub(r"</?(details|summary|b)( open)?>", "", rest)
    assert OURS.fullmatch(rest.replace("**", "")), rest


@ANY
@given(any_report())
def test_rows_of_tables_stay_rows(report: Report) -> None:
    text = FORMATS["markdown"](report, NOW)
    outside = BLOCK.sub("", text)
    for line in outside.split("\n"):
        assert not line.startswith("|") or line.count("|") in (4, 5)


@ANY
@given(any_report())
def test_junit_reads_back(report: Report) -> None:
    text = FORMATS["junit"](report, NOW)
    text.encode("utf-8")
    suite = Xml.fromstring(text.encode())[0]
    rows = [] if report.plan is None else list(report.rows())
    cases = suite.findall("testcase")
    assert int(suite.get("tests", "")) == len(cases) == len(rows) + (report.error is not None)
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))


@ANY
@given(any_report())
def test_json_reads_back_in_ascii(report: Report) -> None:
    for name in ("json", "sarif", "cost"):
        text = FORMATS[name](report, NOW)
        assert text.isascii()
        assert isinstance(json.loads(text, parse_constant=_refuse), dict)


@ANY
@given(any_report())
def test_sarif_names_its_rules_and_counts_lines_from_one(report: Report) -> None:
    run = json.loads(FORMATS["sarif"](report, NOW))["runs"][0]
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    assert len(run["results"]) <= MOST_RESULTS
    for each in run["results"]:
        assert rules[each["ruleIndex"]] == each["ruleId"]
        assert each["message"]["text"]
        for place in each.get("locations", ()):
            physical = place["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9%._~/:-]*", physical["artifactLocation"]["uri"])
            assert physical.get("region", {"startLine": 1})["startLine"] >= 1


@ANY
@given(any_report())
def test_costs_are_texts_and_add_up(report: Report) -> None:
    found = json.loads(FORMATS["cost"](report, NOW))
    hours = [each["breakdown"]["totalHourlyCost"] for each in found["projects"]]
    if None in hours:
        assert found["totalHourlyCost"] is None
    else:
        total = sum(float(each) for each in hours)
        assert abs(float(found["totalHourlyCost"]) - total) <= 1e-6 * (len(hours) + 1) * max(1, total)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
