"""The log as JSON: one object a line on stderr, about the job and run in hand, in the command's trace."""

from __future__ import annotations

import io
import json
import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from runctl_auto.agent.tracing.spans import Recorder, SpanContext, recording, span
from runctl_auto.cli import main as program
from runctl_auto.cli.console import Console
from runctl_auto.cli.log_record import log_record
from runctl_auto.engine.events import DiagnosticEvent
from runctl_auto.errors import RunctlError
from runctl_auto.local import correlation

PARENT = SpanContext("a" * 32, "b" * 16)


@pytest.fixture(autouse=True)
def _about_nothing() -> None:
    correlation.forget()


def console(**options: Any) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    found = Console(out=out, err=err, **options)
    found.log_as_json = True
    return found, out, err


def lines(err: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.getvalue().splitlines()]


def test_a_record_names_time_job_run_trace_and_span() -> None:
    taken: list[Any] = []
    with correlation.about(job="digits"), recording(Recorder(PARENT, taken.append)), span("plan"):
        correlation.note_run("digits", "r1")
        found = log_record("info", "  created x", lambda: datetime(2026, 11, 30, 12, tzinfo=timezone.utc))
    assert found == {
        "time": "2026-11-30T12:00:00.000Z",
        "level": "info",
        "message": "created x",
        "job": "digits",
        "run": "r1",
        "trace_id": PARENT.trace,
        "span_id": taken[0].context.span,
    }
    assert log_record("info", "x").keys() == {"time", "level", "message"}


def test_all_that_a_person_reads_is_an_object_a_line() -> None:
    found, out, err = console()
    found.say("one\ntwo")
    found.engine_event(DiagnosticEvent("warning", "careful"))
    found.log_line("loss=1 \x1b[31mred\x1b[0m")
    with found.working("preparing"):
        pass
    found.error(RunctlError("broken", next_step="mend it"))
    told = lines(err)
    assert [each["level"] for each in told][-1] == "error"
    assert told[-1]["message"] == "broken"
    assert told[-1]["error"]["next_step"] == "mend it"
    assert any(each["level"] == "warning" and "careful" in each["message"] for each in told)
    assert any(each["message"] == "preparing ..." for each in told)
    assert "loss=1" in out.getvalue()


def test_in_json_output_the_jobs_own_lines_are_told_apart() -> None:
    found, out, err = console(as_json=True)
    found.log_line("loss=1")
    found.result({"run": "r1"})
    assert lines(err)[0] == {**lines(err)[0], "message": "loss=1", "source": "job"}
    assert json.loads(out.getvalue()) == {"run": "r1"}


def test_the_run_is_told_of_the_job_in_hand_only() -> None:
    with correlation.about(job="digits"):
        correlation.note_run("other", "r2")
        assert correlation.subject() == {"job": "digits"}
        correlation.note_run("digits", "r1")
        with correlation.about(job="digits"):
            assert correlation.subject() == {"job": "digits", "run": "r1"}
        with correlation.about(job="other"):
            assert correlation.subject() == {"job": "other"}
    assert correlation.subject() == {}


def test_jobs_that_are_worked_on_side_by_side_are_not_mixed_up() -> None:
    seen: dict[str, Any] = {}
    both = threading.Barrier(2, timeout=60)

    def work(job: str) -> None:
        with correlation.about(job=job):
            both.wait()
            seen[job] = correlation.subject()

    threads = [threading.Thread(target=work, args=[job]) for job in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"a": {"job": "a"}, "b": {"job": "b"}}


@pytest.mark.parametrize(
    "arguments", [["--log-format", "json", "ls", "--nonsense"], ["ls", "--nonsense", "--log-format=json"]]
)
def test_a_wrong_usage_is_told_as_json_too(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(arguments) == 7
    (line,) = capsys.readouterr().err.splitlines()
    assert "--nonsense" in json.loads(line)["message"]
    assert json.loads(line)["level"] == "error"
