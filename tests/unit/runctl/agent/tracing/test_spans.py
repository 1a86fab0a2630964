"""Spans: a tree in one trace, nothing where nobody records, no texts of errors."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.agent.tracing import spans
from runctl_auto.agent.tracing.spans import (
    Recorder,
    Span,
    SpanContext,
    machine_span,
    parse_traceparent,
    recording,
)

PARENT = SpanContext("a" * 32, "b" * 16)


def recorder(taken: list[Span]) -> Recorder:
    ids, ticks = itertools.count(1), itertools.count(1000)
    return Recorder(
        PARENT, taken.append, clock=lambda: next(ticks), new_id=lambda n: f"{next(ids):0{2 * n}x}"
    )


def test_a_span_is_below_the_one_around_it_and_the_first_below_the_parent() -> None:
    taken: list[Span] = []
    with recording(recorder(taken)), spans.span("outer", job="digits"), spans.span("inner"):
        pass
    inner, outer = taken
    assert (inner.name, inner.parent) == ("inner", outer.context.span)
    assert (outer.parent, outer.context.trace) == (PARENT.span, PARENT.trace)
    assert outer.attributes == {"job": "digits"}
    assert outer.start_ns < inner.start_ns < (inner.end_ns or 0) < (outer.end_ns or 0)


def test_where_nobody_records_nothing_is_made() -> None:
    with spans.span("x") as span:
        span.set(a=1)
        spans.event("e")
    assert spans.begin("y") is None
    spans.end(None)
    assert span is spans.NO_SPAN
    assert span.attributes == {}
    assert spans.current() is None


def test_an_error_is_told_by_its_type_alone_and_goes_on() -> None:
    taken: list[Span] = []
    with recording(recorder(taken)), pytest.raises(ValueError, match="planted"), spans.span("x"):
        raise ValueError("planted-secret")
    assert taken[0].error == "ValueError"
    assert "planted" not in repr(taken)


def test_a_thread_of_its_own_belongs_to_the_stage_in_work() -> None:
    taken: list[Span] = []
    with recording(recorder(taken)) as found:
        found.stage("run")
        thread = threading.Thread(target=lambda: spans.end(spans.begin("save checkpoint")))
        thread.start()
        thread.join()
        found.stage(None)
    save, run = taken
    assert (save.parent, run.parent) == (run.context.span, PARENT.span)


def test_steps_follow_each_other_and_are_around_what_happens() -> None:
    taken: list[Span] = []
    with recording(recorder(taken)), spans.Steps() as steps:
        steps.enter("plan")
        with spans.span("engine"):
            pass
        steps.enter("apply")
    assert [each.name for each in taken] == ["engine", "plan", "apply"]
    assert taken[0].parent == taken[1].context.span
    assert taken[2].parent == PARENT.span


def test_a_step_that_fails_says_so() -> None:
    taken: list[Span] = []
    steps = spans.Steps()
    with recording(recorder(taken)):
        steps.enter("plan")
        steps.__exit__(OSError, OSError("x"), None)
    assert taken[0].error == "OSError"


def test_a_span_ends_once_and_events_are_bounded() -> None:
    taken: list[Span] = []
    with recording(recorder(taken)), spans.span("x") as span:
        for number in range(spans.MOST_EVENTS + 5):
            spans.event("retry", attempt=number)
        spans.end(span, "first")
    assert [each.error for each in taken] == ["first"]
    assert len(span.events) == spans.MOST_EVENTS


def test_a_process_records_no_more_than_so_many_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MOST_SPANS", 3)
    taken: list[Span] = []
    with recording(recorder(taken)):
        for _ in range(5):
            spans.end(spans.begin("x"))
    assert len(taken) == 3


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8))
def test_a_traceparent_is_read_as_it_is_written(trace: bytes, span: bytes) -> None:
    context = SpanContext(trace.hex(), span.hex())
    known = any(trace) and any(span)
    assert parse_traceparent(str(context)) == (context if known else None)


@pytest.mark.parametrize("text", [None, "", "00-x-y-01", "01-" + "a" * 32 + "-" + "b" * 16 + "-01", "00"])
def test_anything_else_names_no_span(text: str | None) -> None:
    assert parse_traceparent(text) is None


def test_the_span_of_a_machine_is_known_to_all_who_know_its_name() -> None:
    first = machine_span("a" * 32, "r1", "i-1")
    assert first == machine_span("a" * 32, "r1", "i-1")
    assert len({first, machine_span("a" * 32, "r1", "i-2"), machine_span("a" * 32, "r2", "i-1")}) == 3
    assert parse_traceparent(str(first)) == first
