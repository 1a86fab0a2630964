"""What reports tell of ordinary plans, and how they are asked for and written."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from support.folder_reports import applied, change, entry, estimate, failure, planned, violation

from runctl_auto.errors import FieldProblem, UsageError
from runctl_auto.jobs.folder.entry import EntryResult, OtherFile, Removed
from runctl_auto.reports.cost import cost
from runctl_auto.reports.formats import FORMATS, Wanted, parse_wanted, write_reports
from runctl_auto.reports.junit import junit
from runctl_auto.reports.markdown import LIMIT, markdown
from runctl_auto.reports.report import Report
from runctl_auto.reports.sarif import sarif

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
REFUSED = entry(
    "dear",
    "refused",
    reason="a policy refuses it",
    error=failure(violations=(violation(file="jobs/dear.yaml"),), next_step="Change the field."),
)
NEW = entry(
    "digits",
    changes=(change(), change("digits-role")),
    cost=estimate(0.1, 2.0),
    advice=(violation(rule="judged-at-up", file=None, line=None),),
)
QUIET = entry("old", "unchanged", reason="as applied", cost=estimate(0.2), cost_before=estimate(0.2))
PLAN = planned(
    NEW,
    QUIET,
    REFUSED,
    others=(OtherFile("notes.yaml", "an empty file"),),
    removed=(Removed("gone", "gone.yaml"),),
)


def test_markdown_has_a_summary_costs_and_a_fold_for_each_job_that_changes() -> None:
    text = markdown(PLAN)
    first, title, *_ = text.split("\n")
    assert first == "<!-- runctl plan -->"
    assert title.endswith(": 1 to create, 1 unchanged, 1 refused")
    assert "| an hour | 0.2000 | 0.3000 |" in text
    assert "| at most | 0.40 | 0.60 |" in text
    assert text.count("<details") == 3
    assert (
        text.index("<code>dear</code>") < text.index("<code>digits</code>") < text.index("<code>old</code>")
    )
    assert "<code>jobs&#47;dear&#46;yaml&#58;7</code>" in text
    assert "(2 <code>create</code>)" in text
    assert "notes&#46;yaml" in text
    assert "gone&#46;yaml" in text


def test_markdown_of_an_apply_tells_outcomes() -> None:
    done = EntryResult(entry=NEW, outcome="done", seconds=3.0)
    failed = EntryResult(entry=QUIET, outcome="failed", error=failure("It broke."))
    text = markdown(applied(done, failed))
    assert "1 done, 1 failed" in text
    assert "It broke." in text


def test_markdown_of_many_jobs_ends_with_a_pointer() -> None:
    many = planned(*(entry(f"job-{number}", changes=(change(),) * 30) for number in range(500)))
    text = markdown(many)
    assert LIMIT - 6000 < len(text) <= LIMIT
    shown = text.count("<details>")
    assert f"**{500 - shown} more jobs are not shown" in text


def test_markdown_of_a_failure_without_a_plan() -> None:
    text = markdown(Report(verb="plan", folder="jobs", error=failure("No such folder.")))
    assert "failed" in text.split("\n")[1]
    assert "No such folder." in text


def test_junit_fails_what_failed_and_skips_what_was_not_begun() -> None:
    report = applied(
        EntryResult(entry=NEW, outcome="done", seconds=3.0),
        EntryResult(entry=REFUSED, outcome="failed"),
        EntryResult(entry=entry("later"), outcome="not-begun"),
    )
    suite = Xml.fromstring(junit(report).encode())[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    found = suite.find("testcase[@name='dear']/failure")
    assert found is not None
    assert found.get("type") == "policy"
    assert "next: Change the field." in (found.text or "")
    assert suite.find("testcase[@name='later']/skipped") is not None
    assert suite.find("testcase[@name='digits']/failure") is None


def test_sarif_has_findings_with_their_lines_and_wrong_job_files() -> None:
    problem = FieldProblem("jobs/bad.yaml", 3, 1, "spot_policy", "is not one of the values")
    bad = entry("bad", "invalid", error=failure("not valid", kind="job-file", problems=(problem,)))
    run = json.loads(sarif(planned(NEW, REFUSED, bad)))["runs"][0]
    found = {each["ruleId"]: each for each in run["results"]}
    assert set(found) == {"price-within-max-price", "judged-at-up", "job-file"}
    refused = found["price-within-max-price"]
    place = refused["locations"][0]["physicalLocation"]
    assert refused["level"] == "error"
    assert place == {"artifactLocation": {"uri": "jobs/dear.yaml"}, "region": {"startLine": 7}}
    assert found["judged-at-up"]["level"] == "warning"
    assert found["job-file"]["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}


def test_costs_before_and_after_by_job() -> None:
    found = json.loads(cost(PLAN, NOW))
    assert found["timeGenerated"] == "2026-11-30T12:00:00Z"
    assert (found["pastTotalHourlyCost"], found["totalHourlyCost"], found["diffTotalHourlyCost"]) == (
        "0.2",
        "0.3",
        "0.1",
    )
    assert found["totalMonthlyCost"] == "219"
    digits = next(each for each in found["projects"] if each["name"] == "digits")
    assert digits["metadata"] == {"path": "jobs/digits.yaml", "type": "runctl_job"}
    assert digits["breakdown"]["resources"][0]["hourlyCost"] == "0.1"
    assert digits["diff"]["totalHourlyCost"] == "0.1"


def test_an_unknown_price_is_not_shown_as_free() -> None:
    report = planned(entry(cost=estimate(None)))
    assert "| an hour | 0.0000 | unknown |" in markdown(report)
    found = json.loads(cost(report, NOW))
    assert found["totalHourlyCost"] is None
    assert found["summary"]["totalNoPriceResources"] == 1


@pytest.mark.parametrize("text", ["markdown", "markdown=", "word=file", "=file"])
def test_a_report_is_asked_for_by_format_and_file(text: str) -> None:
    assert parse_wanted("junit=out/a=b.xml") == Wanted("junit", Path("out/a=b.xml"))
    with pytest.raises(ValueError, match="is not"):
        parse_wanted(text)


def test_all_are_written_although_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wanted = [Wanted("json", tmp_path / "file" / "plan.json")]
    wanted += [Wanted(each, tmp_path / "new" / each) for each in FORMATS]
    with pytest.raises(UsageError, match="cannot be written"):
        write_reports(PLAN, wanted, NOW)
    assert {each.name for each in (tmp_path / "new").iterdir()} == set(FORMATS)
    assert json.loads((tmp_path / "new" / "json").read_text())["counts"]["create"] == 1
