"""The statements of a run are about the rows of `docs/not-proven.md`."""

from __future__ import annotations

import re
from pathlib import Path

from aws.proof.report import SUBJECTS, Report

PAGE = Path(__file__).parents[2] / "docs" / "not-proven.md"


def test_every_subject_is_a_row_of_the_page() -> None:
    rows = set(re.findall(r"^\| ([^|]+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(SUBJECTS) <= rows


def test_a_line_says_what_was_found_about_what() -> None:
    said: list[str] = []
    report = Report(said.append)
    report.proved("boot", "34 s")
    report.not_shown("images", "none")
    assert said == ["proved    | boot | 34 s", "not shown | images | none"]
    assert not report.has_failed
    report.failed("disks", "no")
    assert report.has_failed
