"""``top`` as a person uses it: keys, and what is on the screen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from support.jobs_at_a_glance import (
    few_jobs,
    listed,
    log_text,
    machine,
    many_jobs,
    run_status,
    session_of,
)
from textual.pilot import Pilot

from runctl_auto.errors import AccessDeniedError, UnreachableError
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session
from runctl_auto.pages.terminal.app import TopApp, run_top
from runctl_auto.pages.terminal.jobs_table import JobsTable

Course = Callable[[TopApp, Pilot[None]], Awaitable[None]]


def screen(app: TopApp) -> list[str]:
    """The lines of the terminal, without blanks at their ends."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def run(
    course: Course,
    jobs: Sequence[ListedJob] | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    log: str = log_text(40),
    open_session: Callable[[], Session] | None = None,
) -> None:
    """Goes through a course with the program on a terminal of a size."""
    found = few_jobs() if jobs is None else jobs

    async def go() -> None:
        app = TopApp(open_session or (lambda: session_of(found, log)))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.looking.latest is not None or app.looking.problem is not None)
            await pilot.pause()
            await course(app, pilot)

    asyncio.run(go())


async def until(pilot: Pilot[None], holds: Callable[[], Any]) -> None:
    """Lets the program go on until something holds."""
    for _ in range(2000):
        if holds():
            return
        await pilot.pause(0.02)
    pytest.fail(f"it did not come about: {screen(pilot.app)}")  # type: ignore[arg-type]


def text(app: TopApp) -> str:
    return "\n".join(screen(app))


def chosen(app: TopApp) -> str | None:
    return app.query_one(JobsTable).chosen


def test_the_jobs_and_the_log_of_the_first_at_80_columns() -> None:
    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: any("loss=" in line for line in screen(app)))
        lines = screen(app)
        assert lines[0] == "7 jobs, 1 failed, 1 interrupted       ≥ $10.96 so far, $1.437 an hour, 14:30:00Z"
        assert lines[1].split() == ["JOB", "PHASE▾", "AGE", "COST", "SAVED", "MACHINE"]
        assert lines[2].split() == ["llama-lora", "failed", "2h", "6m", "$3.58", "3h", "12m", "g5.12xlarge"]
        assert [line.split()[0] for line in lines[2:9]] == [
            "llama-lora",
            "speech-ctc",
            "half-made",
            "vit-base",
            "resnet-sweep-01",
            "resnet-sweep-02",
            "digits",
        ]
        assert "── llama-lora · log ──" in lines[12] + lines[13]
        for key in ("l Log", "m Machine", "c Cost", "s Sort", "/ Find", "r Refresh", "q Quit"):
            assert key in lines[-1]
        assert all(len(line) <= 80 for line in lines)

    run(course)


def test_keys() -> None:
    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        await move(app, pilot)
        await sort(app, pilot)
        await find(app, pilot)
        await enlarge(app, pilot)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
        assert app.return_code == 0

    async def move(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("down", "j", "down")
        assert chosen(app) == "vit-base"
        await pilot.press("m")
        line = "machine 1     30 Nov 05:18, 3h 6m, interrupted: g5.xlarge spot in us-east-1a"
        await until(pilot, lambda: "vit-base · machine" in text(app) and line in text(app))
        await pilot.press("c")
        await until(pilot, lambda: "so far        $5.03" in text(app))
        assert "an hour now   $1.0115" in text(app)
        await pilot.press("end")
        assert chosen(app) == "digits"
        await pilot.press("k", "home")
        assert chosen(app) == "llama-lora"

    async def sort(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("down")
        assert chosen(app) == "speech-ctc"
        await pilot.press("s", "s")
        await until(pilot, lambda: "COST▾" in screen(app)[1] and screen(app)[2].startswith("vit-base"))
        assert chosen(app) == "speech-ctc", "it stays under the cursor"
        await pilot.press(*"ssss")

    async def find(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"sweep", "enter")
        await until(pilot, lambda: "those with 'sweep'" in screen(app)[0])
        assert [line.split()[0] for line in screen(app)[2:4]] == ["resnet-sweep-01", "resnet-sweep-02"]
        assert screen(app)[4] == ""
        await pilot.press("escape")
        await until(pilot, lambda: screen(app)[2].startswith("llama-lora"))
        assert chosen(app) == "resnet-sweep-02"

    async def enlarge(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("l", "enter")
        await until(pilot, lambda: sum("loss=" in line for line in screen(app)) > 25)
        assert not any(line.startswith("speech-ctc") for line in screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: any(line.startswith("speech-ctc") for line in screen(app)))

    run(course, size=(100, 40))


def test_a_wide_terminal_shows_more_columns() -> None:
    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        titles = ["MACHINE", "MARKET", "OWNER", "ZONE"]
        await until(pilot, lambda: screen(app)[1].split()[-4:] == titles)

    run(course, size=(140, 30))


def test_a_narrow_terminal_is_not_overrun() -> None:
    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen(app)[1].split() == ["JOB", "PHASE▾", "AGE", "COST"])
        assert all(len(line) <= 50 for line in screen(app))

    run(course, size=(50, 12))


def test_many_jobs() -> None:
    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("end")
        assert chosen(app) == "sweep-0297"
        await until(pilot, lambda: any(line.startswith("sweep-0297") for line in screen(app)))
        await pilot.press("pageup", "pagedown", "home")
        assert chosen(app) == "sweep-0008"
        await until(pilot, lambda: screen(app)[2].startswith("sweep-0008"))
        assert "300 jobs" in screen(app)[0]

    run(course, many_jobs(300))


def test_what_could_not_be_read_is_said_and_keys_still_work() -> None:
    session = session_of(few_jobs())
    session.driver.jobs.side_effect = UnreachableError("The cloud is away.")  # type: ignore[attr-defined]

    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        assert "The cloud is away." in "\n".join(screen(app))
        await pilot.press("down", "m", "c", "s", "enter", "escape", "l")
        assert chosen(app) is None

    run(course, open_session=lambda: session)


def test_without_a_session_it_ends_with_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def until_it_ends(app: TopApp) -> None:
        async with app.run_test() as pilot:
            await until(pilot, lambda: not app.is_running)

    def refused() -> Session:
        raise UnreachableError("Nothing is set up.")

    monkeypatch.setattr(TopApp, "run", lambda app: asyncio.run(until_it_ends(app)))
    with pytest.raises(UnreachableError, match="Nothing is set up"):
        run_top(refused)


def test_a_log_that_may_not_be_read() -> None:
    session = session_of(few_jobs())
    session.provider().results("x", "y").log_parts.side_effect = AccessDeniedError("You may not.")  # type: ignore[attr-defined]

    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "You may not." in "\n".join(screen(app)))

    run(course, open_session=lambda: session)


def test_texts_of_jobs_are_shown_as_they_are() -> None:
    hostile = "[red]x[/red] \x1b[2J\u202e"
    status = run_status(
        "bad", "r1", "failed", [machine(1, 2, 1, zone=hostile, type=hostile)], message=hostile
    )
    job = listed("bad", status, owner=hostile, problem=hostile)

    async def course(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: any("[red]log" in line for line in screen(app)))
        for key in ("m", "c"):
            await pilot.press(key)
            await pilot.pause()
            told = "\n".join(screen(app))
            assert "\x1b" not in told
            assert "\u202e" not in told
        await pilot.press("m")
        await pilot.pause()
        assert "[red]x[/red] \\x1b[2J\\u202e" in "\n".join(screen(app))

    run(course, (job,), log="[red]log[/red] \x1b[2J\n", size=(200, 40))


def test_the_first_picture_needs_nothing_that_takes_long() -> None:
    code = (
        "import sys, runctl_auto.pages.terminal.app; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"boto3", "botocore", "pulumi", "pydantic", "yaml", "jinja2"} & set(ran.stdout.split()) == set()
