"""The pages, as a browser gets them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from starlette.types import ASGIApp
from support.agent_stand_ins import MemoryStore
from support.asgi import ask
from support.job_stacks import job_spec
from support.jobs_at_a_glance import (
    NOW,
    few_jobs,
    listed,
    log_text,
    machine,
    many_jobs,
    run_status,
    session_of,
)
from support.leaks_found import LEAKS
from support.sessions import fake_results

from runctl_auto.errors import AccessDeniedError, RunctlError
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session
from runctl_auto.pages.looks.look import look_of
from runctl_auto.pages.looks.reading import Reading
from runctl_auto.pages.web.app import application
from runctl_auto.providers.contract import LogPart

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e\n"


def reading_of(jobs: tuple[ListedJob, ...], log: str = "", session: Session | None = None) -> Reading:
    """With a look at ``jobs``; searches for leaks at once."""
    reading = Reading.of(session or session_of(jobs, log), lambda _session: LEAKS)
    reading.in_background = lambda work: work()
    reading.looking.latest = look_of(NOW, jobs)
    return reading


@pytest.fixture
def app() -> ASGIApp:
    return application(reading_of(few_jobs(), log_text(30)))


def text_of(html: str) -> str:
    """What a person reads."""
    found: list[str] = []

    class _Texts(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    _Texts().feed(html)
    return re.sub(r"\s+", " ", " ".join(found))


def test_the_index_has_every_job_the_most_urgent_first(app: ASGIApp) -> None:
    page = ask(app, "/").text
    names = re.findall(r'href="job-([\w-]+)"', page)
    assert names == [
        "llama-lora",
        "speech-ctc",
        "half-made",
        "vit-base",
        "resnet-sweep-01",
        "resnet-sweep-02",
        "digits",
    ]
    told = text_of(page)
    assert "vit-base running 2× interrupted g5.xlarge on-demand us-east-1c 9h 12m $5.03 3m ago ann" in told
    assert "2026-11-30 14:30:00Z" in told


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("phase=failed", ["llama-lora"]),
        ("owner=bob&order=name", ["digits", "llama-lora"]),
        ("text=SWEEP&order=name", ["resnet-sweep-01", "resnet-sweep-02"]),
        ("order=cost&owner=bob", ["llama-lora", "digits"]),
        ("order=nonsense&text=zzz", []),
    ],
)
def test_it_can_be_filtered_and_sorted(app: ASGIApp, query: str, names: list[str]) -> None:
    assert re.findall(r'href="job-([\w-]+)"', ask(app, f"/?{query}").text) == names


def test_a_jobs_page_tells_its_machines_metrics_and_log(app: ASGIApp) -> None:
    page = ask(app, "/job-vit-base").text
    told = text_of(page)
    assert "3h 6m, interrupted" in told
    assert "2h 12m, runs" in told
    assert "refused: g5.xlarge spot in us-east-1a: InsufficientInstanceCapacity" in told
    assert "loss=0.2" in told or "epoch 1 step 0" in told
    assert page.count('class="bar spot interrupted"') == 2
    assert page.count('class="cut"') == 2
    assert 'class="bar on-demand runs"' in page


def test_how_a_run_ended_and_what_went_wrong(app: ASGIApp) -> None:
    told = text_of(ask(app, "/job-llama-lora").text)
    assert "failed with exit code 137: command_failed (the command ended with code 137)" in told
    assert "try 1 failed: CUDA out of memory" in told


def test_a_job_that_was_never_set_up_has_a_page(app: ASGIApp) -> None:
    assert "never set up" in text_of(ask(app, "/job-half-made").text)


@pytest.mark.parametrize("name", ["nope", "..", "%3Cscript%3E", "x%0A"])
def test_a_job_that_there_is_not(app: ASGIApp, name: str) -> None:
    found = ask(app, f"/job-{name}")
    assert found.status == 404
    assert "<script>" not in found.text.replace('<script src="dashboard.js" defer></script>', "")
    assert ask(app, f"/log-{name}").status == 404


def test_no_page_of_the_kind(app: ASGIApp) -> None:
    assert [ask(app, each).status for each in ("/x", "/a/b", "/templates/base.html.j2")] == [404, 404, 404]


def test_the_log_goes_on_from_where_it_was_read(app: ASGIApp) -> None:
    first = ask(app, "/log-vit-base").data
    assert (first["run"], first["part"]) == ("r7f31c", 11)
    assert first["text"].startswith("epoch 1 step 0 ")
    assert first["text"].endswith("\n")
    same = ask(app, "/log-vit-base?run=r7f31c&after=11").data
    assert (same["part"], same["text"]) == (11, "")
    assert ask(app, "/log-vit-base?run=another&after=11").data == first
    assert ask(app, "/log-vit-base?run=r7f31c&after=../../x").data == first


def test_costs_by_day_owner_and_job(app: ASGIApp) -> None:
    page = ask(app, "/costs").text
    told = text_of(page)
    assert "from 2026-11-01 to 2026-11-30" in told
    assert "vit-base $5.03" in told
    assert page.count("<rect") == 4  # two days, of which the last has three owners
    assert 'aria-label="USD by day from 2026-11-01 to 2026-11-30' in page


def test_leaks_are_searched_for_when_somebody_wants_to_know(app: ASGIApp) -> None:
    assert "not searched" in ask(app, "/").text
    told = text_of(ask(app, "/leaks").text)
    assert "1 leak: 31 resources of account 111122223333 in us-east-1" in told
    assert "aws ec2 delete-volume --volume-id vol-1" in told
    assert "stack odd its state cannot be read" in told
    assert '<a href="leaks">1</a>' in ask(app, "/").text


def test_before_the_first_look() -> None:
    reading = reading_of(few_jobs())
    reading.looking.latest = None
    app = application(reading)
    assert ask(app, "/look").data["version"] == ""
    assert "Reading the jobs" in ask(app, "/").text
    assert "Reading the jobs" in ask(app, "/costs").text
    assert "Reading the jobs" in ask(app, "/job-digits").text
    assert ask(app, "/log-digits").status == 503


def test_what_could_not_be_read_is_said() -> None:
    reading = reading_of(few_jobs())
    reading.looking.problem = RunctlError("The cloud is away.", next_step="Wait.")
    assert "The cloud is away. Wait." in ask(application(reading), "/").text
    session = session_of(few_jobs())
    session.provider().results("x", "y").log_parts.side_effect = AccessDeniedError("You may not.")  # type: ignore[attr-defined]
    app = application(reading_of(few_jobs(), session=session))
    found = ask(app, "/job-vit-base")
    assert (found.status, "You may not." in found.text) == (200, True)
    assert ask(app, "/log-vit-base").status == 502


def test_the_version_changes_with_what_pages_show() -> None:
    reading = reading_of(few_jobs())
    app = application(reading)
    first = ask(app, "/look").data["version"]
    assert ask(app, "/look").data["version"] == first
    reading.search()
    assert ask(app, "/look").data["version"] != first


def test_texts_of_jobs_clouds_and_logs_do_nothing_in_a_page() -> None:
    status = run_status(
        "bad", "r1", "failed", [machine(1, 2, 1, zone=HOSTILE, type=HOSTILE)], message=HOSTILE, reason="x"
    )
    job = listed("bad", status, owner=HOSTILE, problem=HOSTILE)
    session = session_of((job,))
    results = fake_results()
    part = LogPart("runs/r1/logs/0/00000000.log", HOSTILE)
    results.log_parts.side_effect = lambda run, after=None: iter([part])
    results.objects.return_value = MemoryStore()
    session.provider().results.return_value = results  # type: ignore[attr-defined]
    app = application(reading_of((job,), session=session))
    for address in ("/", "/job-bad", "/costs", "/?text=%3Cscript%3E%22", "/?owner=%22%3E%3Cscript%3E"):
        page = ask(app, address).text.replace('<script src="dashboard.js" defer></script>', "")
        assert "<script" not in page, address
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert 'value="<' not in page
    assert "\x1b" not in ask(app, "/log-bad").text


def test_nothing_of_a_jobs_environment_is_shown() -> None:
    status = run_status("own", "r1", "running", [machine(1, 2, None)])
    spec = job_spec(name="own", env={"API_TOKEN": "planted-7c1f"}, secrets=["HF_TOKEN"])
    app = application(reading_of((listed("own", status, job=spec),), "no secret here\n"))
    pages = [ask(app, each).text for each in ("/", "/job-own", "/costs", "/leaks", "/receipts", "/log-own")]
    assert not any("planted-7c1f" in each for each in pages)


def test_no_page_needs_anything_from_elsewhere(app: ASGIApp) -> None:
    for address in ("/", "/job-vit-base", "/costs", "/leaks", "/receipts", "/style.css", "/dashboard.js"):
        found = ask(app, address)
        assert found.status == 200, address
        assert "://" not in found.text.replace("http://www.w3.org/2000/svg", ""), address
        assert not re.search(r"<[^>]+ (style|on\w+)=", found.text), address


def test_a_thousand_jobs_are_less_than_half_a_megabyte() -> None:
    page = ask(application(reading_of(many_jobs())), "/")
    assert page.text.count("<tr>") == 1001
    assert len(page.body) < 500_000
