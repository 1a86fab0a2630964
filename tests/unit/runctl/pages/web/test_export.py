"""The pages as files."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from pathlib import Path

import pytest
from support.jobs_at_a_glance import NOW, few_jobs, log_text, session_of

from runctl_auto.errors import UsageError
from runctl_auto.pages.looks.look import look_of
from runctl_auto.pages.looks.reading import Reading
from runctl_auto.pages.web.export import export
from runctl_auto.pages.web.links import Links, job_file


def exported(folder: Path) -> dict[str, str]:
    jobs = few_jobs()
    reading = Reading.of(session_of(jobs, log_text(5)), lambda _session: {})
    found = export(reading, look_of(NOW, jobs), folder)
    assert found.index == folder / "index.html"
    return {each.name: each.read_text() for each in found.files}


def test_a_page_for_each_job_and_each_subject(tmp_path: Path) -> None:
    pages = exported(tmp_path / "new")
    names = {"index.html", "costs.html", "leaks.html", "receipts.html"}
    assert pages.keys() == names | {f"job-{each.summary.name}.html" for each in few_jobs()}
    assert "epoch 1 step 0" in pages["job-vit-base.html"]


def test_links_lead_to_files_that_are_there(tmp_path: Path) -> None:
    pages = exported(tmp_path)
    for text in pages.values():
        links = set(re.findall(r'(?:href|src)="([^"#]+)"', text))
        assert links <= pages.keys()


def test_a_page_needs_no_other_file_and_runs_nothing(tmp_path: Path) -> None:
    for text in exported(tmp_path).values():
        assert "<script" not in text
        assert "<form" not in text
        (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"default-src 'none'; style-src 'sha256-{digest}';" in unescape(text)


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    exported(tmp_path)
    (tmp_path / "job-gone.html").write_text("x")
    exported(tmp_path)
    assert not (tmp_path / "job-gone.html").exists()
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        exported(tmp_path)
    assert (tmp_path / "index.html").exists()


def test_a_file_for_every_name() -> None:
    names = ["a", "a.b", "../x", "A b", "ä", "", ".", "-x", "x" * 200, "job"]
    files = {job_file(each) for each in names}
    assert len(files) == len(names)
    assert all(re.fullmatch(r"job-[\w.-]+\.html", each) for each in files)
    assert Links(is_export=True).job("a") == "job-a.html"
    assert Links().job("a b/c") == "job-a%20b%2Fc"
