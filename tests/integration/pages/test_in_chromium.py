"""The pages in Debian's Chromium: at two widths, light and dark, by keyboard, with axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.chromium import Chromium, Page, chromium
from support.fetched_tools import npm_packages
from support.jobs_at_a_glance import (
    few_jobs,
    listed,
    log_text,
    look_at,
    machine,
    many_jobs,
    run_status,
    session_of,
)
from support.leaks_found import LEAKS
from support.served_pages import ServedPages, served_pages

from runctl_auto.pages.looks.reading import Reading
from runctl_auto.pages.web.export import export

pytestmark = pytest.mark.matrix

AXE = "axe-core@4"
RULES = '{runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}'
PAGES = (
    "",
    "?phase=failed",
    "job-vit-base",
    "job-llama-lora",
    "job-half-made",
    "costs",
    "leaks",
    "receipts",
    "x",
)
LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = npm_packages(tmp_path_factory.mktemp("axe"), AXE)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def pages() -> Iterator[ServedPages]:
    with served_pages(few_jobs(), session_of(few_jobs(), log_text()), LEAKS) as found:
        found.reading.search()
        yield found


@pytest.fixture
def page(browser: Chromium) -> Page:
    return browser.open_page()


def violations(page: Page, axe: str) -> list[Any]:
    page.evaluate(f"{axe}; 0")
    found: list[Any] = page.evaluate(
        f"axe.run(document, {RULES}).then(found => found.violations.map("
        "each => [each.id, each.nodes.map(node => node.html + node.failureSummary)]))"
    )
    return found


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_every_page_is_legible_and_fits(
    page: Page, pages: ServedPages, axe: str, width: int, dark: bool
) -> None:
    page.show(width, dark=dark)
    for name in PAGES:
        page.problems.clear()
        page.open(pages.address + name)
        assert violations(page, axe) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        expected = [] if name != "x" else page.problems  # a browser tells of status 404
        assert page.problems == expected, name
        back = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert back == ("rgb(15, 19, 23)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_exported_pages_too(page: Page, axe: str, tmp_path: Path, width: int, dark: bool) -> None:
    reading = Reading.of(session_of(few_jobs(), log_text()), lambda _session: LEAKS)
    reading.search()
    written = export(reading, look_at(few_jobs()), tmp_path)
    page.show(width, dark=dark)
    for file in written.files:
        page.open(file.as_uri())
        assert violations(page, axe) == [], file.name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, file.name
        back = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert back == ("rgb(15, 19, 23)" if dark else "rgb(255, 255, 255)"), "its style counts"
    assert page.problems == []


def test_by_keyboard(page: Page, pages: ServedPages) -> None:
    page.show(1280)
    page.open(pages.address)
    page.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    seen = []
    while page.evaluate("document.activeElement.textContent") != "vit-base":
        page.press("Tab")
        style = page.evaluate(
            "[document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert style[1] != "none", f"it is not seen that {style[0]} has the focus"
        seen.append(style[0])
        assert len(seen) < 60, seen
    page.press("Enter")
    page.wait_until(lambda: page.evaluate("document.title") == "vit-base · runctl")
    page.evaluate("document.querySelector('pre.log').focus()")
    assert page.evaluate("document.activeElement.className") == "log"
    page.open(f"{pages.address}receipts")
    assert page.problems == []


def test_what_changes_is_seen_without_losing_the_focus(page: Page) -> None:
    jobs = few_jobs()
    with served_pages(jobs, session_of(jobs, log_text())) as served:
        page.show(1280)
        page.open(served.address)
        page.evaluate("document.querySelector('a[href=\"job-digits\"]').focus()")
        served.look(tuple(each for each in jobs if each.summary.name != "vit-base"), "the clouds are grey")
        page.wait_until(lambda: "the clouds are grey" in page.evaluate("document.body.innerText"))
        assert page.evaluate("document.querySelector('a[href=\"job-vit-base\"]')") is None
        assert page.evaluate("document.activeElement.textContent") == "digits"
    assert [each for each in page.problems if "ERR_CONNECTION" not in each] == []


def test_the_log_goes_on(page: Page) -> None:
    jobs = few_jobs()
    with served_pages(jobs, session_of(jobs, log_text(5))) as served:
        page.show(390)
        page.open(f"{served.address}job-vit-base")
        assert page.evaluate("document.querySelector('pre.log').textContent").count("loss=") == 5
        later = Reading.of(session_of(jobs, log_text(5), "<b>now</b>\n"), lambda _session: {})
        served.reading.session = later.session
        page.wait_until(lambda: "now" in page.evaluate("document.querySelector('pre.log').textContent"))
        told = page.evaluate("document.querySelector('pre.log').textContent")
        assert told.count("loss=") == 5
        assert told.endswith("loss=2.2844 lr=0.0003\n<b>now</b>\n")
    assert [each for each in page.problems if "ERR_CONNECTION" not in each] == []


def test_texts_of_others_run_nothing(page: Page) -> None:
    hostile = '"><img src=x onerror=window.hit=1><script>window.hit=1</script><svg onload=window.hit=1>'
    placed = machine(1, 2, 1, zone=hostile, type=hostile)
    status = run_status("bad", "r1", "failed", [placed], message=hostile, reason=hostile)
    jobs = (listed("bad", status, owner=hostile, problem=hostile),)
    with served_pages(jobs, session_of(jobs, hostile), LEAKS) as served:
        page.show(1280)
        for name in ("", "job-bad", "costs", "?text=%22%3E%3Cscript%3Ewindow.hit=1%3C/script%3E"):
            page.open(served.address + name)
            assert page.evaluate("window.hit") is None
            assert page.evaluate("document.querySelector('img, script:not([src])')") is None
    assert page.problems == []


def test_a_thousand_jobs_fit(page: Page) -> None:
    jobs = many_jobs()
    with served_pages(jobs, session_of(jobs)) as served:
        for width, dark in LOOKS:
            page.show(width, dark=dark)
            page.open(served.address)
            assert page.evaluate("document.querySelectorAll('tbody tr').length") == 1000
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            bytes_sent = page.evaluate('performance.getEntriesByType("navigation")[0].decodedBodySize')
            assert bytes_sent < 500_000
    assert page.problems == []
