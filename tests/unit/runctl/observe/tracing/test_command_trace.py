"""The trace of a command: its own span, what it continues, and what is told when it did not arrive."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import create_autospec

from runctl_auto.agent.tracing import spans
from runctl_auto.agent.tracing.spans import Span, SpanContext
from runctl_auto.observe.tracing.choice import Wanted
from runctl_auto.observe.tracing.command_trace import CommandTrace, Sink, begin

AROUND = SpanContext("a" * 32, "b" * 16)


class Taken:
    def __init__(self, failure: str | None = None) -> None:
        self.spans: list[Span] = []
        self._failure = failure

    def take(self, span: Span) -> None:
        self.spans.append(span)

    def finish(self) -> str | None:
        return self._failure


def test_what_a_command_does_is_below_its_own_span_which_continues_that_around_it() -> None:
    sink = Taken()
    trace = CommandTrace({"x": sink}, AROUND)
    with spans.span("plan"):
        pass
    assert trace.finish("up", 3) == []
    plan, root = sink.spans
    assert (root.name, root.parent, root.error) == ("runctl up", AROUND.span, "exit code 3")
    assert plan.parent == root.context.span
    assert {each.context.trace for each in sink.spans} == {AROUND.trace}
    assert root.attributes == {"command": "up", "exit_code": 3}
    assert spans.recorder() is None


def test_without_one_around_it_begins_a_trace() -> None:
    first, second = Taken(), Taken()
    CommandTrace({"x": first}, None).finish("ls", 0)
    CommandTrace({"x": second}, None).finish("ls", 0)
    assert first.spans[0].parent is None
    assert first.spans[0].context.trace != second.spans[0].context.trace


def test_what_is_done_once_all_arrived_is_done_only_then() -> None:
    done: list[str] = []
    for sinks in ({"x": Taken("closed"), "y": Taken()}, {"x": Taken()}):
        trace = CommandTrace(sinks, None)
        trace.recorder.when_delivered.append(lambda: done.append("arrived"))
        trace.recorder.when_delivered.append(lambda: 1 / 0)
        told = trace.finish("up", 0)
        assert told == (["the trace did not reach x: closed"] if len(sinks) == 2 else [])
    assert done == ["arrived"]


def test_a_relative_file_is_in_the_folder(tmp_path: Path) -> None:
    trace = begin(Wanted(file=Path("t.jsonl")), {"TRACEPARENT": str(AROUND)}, tmp_path)
    assert trace.finish("ls", 0) == []
    assert AROUND.trace in (tmp_path / "t.jsonl").read_text()


def test_every_sink_gets_every_span() -> None:
    sinks = [create_autospec(Sink, instance=True) for _ in range(2)]
    for each in sinks:
        each.finish.return_value = None
    CommandTrace({str(number): each for number, each in enumerate(sinks)}, None).finish("ls", 0)
    assert [each.take.call_count for each in sinks] == [1, 1]
