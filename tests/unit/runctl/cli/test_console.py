"""How commands speak: streams, colours, live display, errors."""

from __future__ import annotations

import io
import json
import re
import threading
from typing import Any

import pytest
from support.job_stacks import placement

from runctl_auto.cli import console as console_module
from runctl_auto.cli.console import Console
from runctl_auto.cli.views.table import Column
from runctl_auto.cost.estimate import Estimate
from runctl_auto.engine.events import DiagnosticEvent, Plan, PlannedChange
from runctl_auto.errors import NoCapacityError
from runctl_auto.jobs.reporting import PlanView


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)


def console(**options: Any) -> tuple[Console, io.StringIO, io.StringIO]:
    terminal = options.pop("terminal", False)
    out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
    return Console(out=out, err=err, **options), out, err


def test_words_go_to_stderr_and_results_to_stdout() -> None:
    speaker, out, err = console()
    speaker.say("working")
    speaker.line("result")
    speaker.result({"not": "shown"})
    assert (out.getvalue(), err.getvalue()) == ("result\n", "working\n")


def test_in_json_mode_stdout_holds_json_only() -> None:
    speaker, out, err = console(as_json=True)
    speaker.say("working")
    speaker.line("not shown")
    speaker.table([Column("A")], [("x",)])
    speaker.log_line("epoch 1")
    with speaker.working("planning"):
        pass
    speaker.result({"a": 1})
    assert json.loads(out.getvalue()) == {"a": 1}
    assert err.getvalue() == "working\nepoch 1\nplanning ...\n"


def test_lines_of_json_are_whole_objects() -> None:
    speaker, out, _ = console(as_json=True)
    speaker.json_line({"line": "a\nb"})
    speaker.json_line({"line": "c"})
    assert [json.loads(line)["line"] for line in out.getvalue().splitlines()] == ["a\nb", "c"]


def test_colour_only_on_terminals_and_not_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker, _, _ = console(terminal=True)
    assert speaker.painted("failed", colour="red") == "\x1b[31mfailed\x1b[0m"
    assert console()[0].painted("failed", colour="red") == "failed"
    monkeypatch.setenv("NO_COLOR", "1")
    assert speaker.painted("failed", colour="red") == "failed"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert speaker.painted("failed", colour="red", bold=True) == "failed"


def test_a_table_fits_the_terminal_and_is_whole_elsewhere() -> None:
    columns, row = [Column("JOB"), Column("ZONE", spare=1)], ("x" * 30, "us-east-1a")
    speaker, out, _ = console(terminal=True)
    speaker.table(columns, [row])
    assert "us-east-1a" not in out.getvalue()
    speaker, out, _ = console()
    speaker.table(columns, [row])
    assert "us-east-1a" in out.getvalue()


def test_work_is_told_once_where_nothing_can_be_drawn_anew() -> None:
    speaker, _, err = console()
    with speaker.working("planning"):
        speaker.progress("half")
    assert err.getvalue() == "planning ...\n"


def test_work_that_is_quick_is_not_told_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = []

    class Timer:
        daemon = False

        def __init__(self, after: float, tell: Any, arguments: list[Any]) -> None:
            timers.append((after, tell, arguments))

        def start(self) -> None:
            pass

    monkeypatch.setattr(console_module.threading, "Timer", Timer)
    speaker, _, err = console()
    with speaker.working("looking", after=1.0):
        after, tell, arguments = timers[0]
    assert after == 1.0
    tell(*arguments)  # too late: the work is done
    assert err.getvalue() == ""
    with speaker.working("looking", after=1.0):
        _, tell, arguments = timers[1]
        tell(*arguments)
    assert err.getvalue() == "looking ...\n"


def test_on_a_terminal_what_is_told_meanwhile_stands_on_lines_of_its_own() -> None:
    speaker, _, err = console(terminal=True)
    threads = set(threading.enumerate())
    with speaker.working("applying"):
        speaker.say("created x")
        speaker.progress("y")
    assert "created x\n" in err.getvalue()
    for display in set(threading.enumerate()) - threads:
        display.join(timeout=60)
        assert not display.is_alive(), "the display's thread has ended"
    before = len(err.getvalue())
    speaker.say("afterwards")
    assert err.getvalue()[before:] == "afterwards\n"


def test_work_inside_work_ends_one_after_the_other() -> None:
    speaker, _, err = console(terminal=True)
    with speaker.working("outer"):
        with speaker.working("inner"):
            pass
        assert speaker._live is not None, "the outer one goes on"
        speaker.progress("half")
    assert speaker._live is None
    before = len(err.getvalue())
    speaker.say("afterwards")
    assert err.getvalue()[before:] == "afterwards\n"


def test_an_error_tells_where_and_what_next_and_its_causes_on_v() -> None:
    error = NoCapacityError("No machine.", where={"job": "digits", "zone": "a"}, next_step="Wait.")
    error.__cause__ = OSError("full")
    speaker, out, err = console()
    speaker.error(error)
    assert err.getvalue() == "error: No machine.\n  where: job digits, zone a\n  next:  Wait.\n"
    speaker, out, err = console(verbose=True)
    speaker.error(error)
    assert "  cause: full\n" in err.getvalue()
    speaker, out, err = console(as_json=True)
    speaker.error(error)
    assert json.loads(out.getvalue())["error"]["causes"] == ["full"]
    assert err.getvalue() == ""


def test_a_plan_is_shown_with_its_signs_in_colour() -> None:
    urn = "urn:pulumi:d::runctl::aws:s3/bucket:Bucket::d-bucket"
    change = PlannedChange("create", "aws:s3/bucket:Bucket", "d-bucket", urn, (), False)
    view = PlanView("d", "r1", Plan((change,), 0), None, ("a note",))
    speaker, out, err = console()
    speaker.plan(view)
    assert err.getvalue().splitlines() == [
        "Plan for job 'd', run r1:",
        "  + job  1 to create",
        "  a note",
    ]
    assert out.getvalue() == ""
    speaker, _, err = console(terminal=True)
    speaker.plan(view)
    assert "\x1b[32m+ job  1 to create" in err.getvalue()


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        (1, "  machine: t3.micro spot in us-east-1a, disk 20 GB"),
        (3, "  3 machines: t3.micro spot in us-east-1a, disk 20 GB each"),
    ],
)
def test_a_plan_says_how_many_machines_there_will_be(nodes: int, told: str) -> None:
    speaker, _, err = console()
    cost = Estimate(parts=(), hours=None, nodes=nodes)
    speaker.plan(PlanView("d", "r1", Plan((), 0), placement(disk_gb=20), cost=cost))
    assert told in err.getvalue().splitlines()


HOSTILE = "a\nerror: b\x1b[2J\x1b]0;t\x07\u202e"
SHOWN = r"a\nerror: b\x1b[2J\x1b]0;t\x07\u202e"


@pytest.mark.parametrize("terminal", [False, True])
def test_names_from_elsewhere_stay_on_their_line(terminal: bool) -> None:
    speaker, out, err = console(terminal=terminal)
    speaker.say(f"machine {HOSTILE} is lost")
    speaker.table([Column("ID")], [(HOSTILE,)])
    change = PlannedChange("create", "aws:ec2/instance:Instance", HOSTILE, "urn", (HOSTILE,), False)
    speaker.plan(PlanView("d", "r1", Plan((change,), 0), None, (HOSTILE,)))
    speaker.engine_event(DiagnosticEvent("warning", HOSTILE.replace("\n", "")))
    speaker.error(NoCapacityError("none", where={"machine": HOSTILE}))
    for stream in (out, err):
        text = re.sub(r"\x1b\[(0|1|3[123])m", "", stream.getvalue())
        assert "\x1b" not in text
        assert "\nerror: b" not in text
    assert f"machine {SHOWN} is lost\n" in err.getvalue()
    assert f"where: machine {SHOWN}\n" in err.getvalue()
    assert out.getvalue().count("\n") == 2


def test_causes_are_indented_line_by_line() -> None:
    speaker, _, err = console(verbose=True)
    error = NoCapacityError("none")
    error.__cause__ = ValueError("one\x1b[2J\nerror: two")
    speaker.error(error)
    assert err.getvalue() == "error: none\n  cause: one\\x1b[2J\n         error: two\n"


def test_a_log_is_coloured_on_a_terminal_and_itself_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "\x1b[32mloss\x1b[2J 3"
    speaker, out, _ = console()
    speaker.log_line(line)
    assert out.getvalue() == f"{line}\n"
    speaker, out, _ = console(terminal=True)
    speaker.log_line(line)
    assert out.getvalue() == "\x1b[32mloss\\x1b[2J 3\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    speaker, out, _ = console(terminal=True)
    speaker.log_line(line)
    assert out.getvalue() == "loss\\x1b[2J 3\n"


def test_a_title_is_no_markup() -> None:
    speaker, _, err = console(terminal=True)
    with speaker.working("planning [link=http://evil]here[/link]"):
        speaker.progress("[bold]1[/bold]")
    assert "[link=http://evil]" in err.getvalue()
    assert "\x1b]8" not in err.getvalue()
