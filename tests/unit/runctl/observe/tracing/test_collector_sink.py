"""Sending to a collector: beside the command, which never fails and hardly waits for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from unittest.mock import create_autospec

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runctl_auto.agent.tracing.spans import Span, SpanContext, SpanEvent
from runctl_auto.observe.tracing.choice import Wanted
from runctl_auto.observe.tracing.collector_sink import NOT_INSTALLED, CollectorSink

SPAN = Span(
    name="ec2 RunInstances",
    context=SpanContext("a" * 32, "b" * 16),
    parent="c" * 16,
    start_ns=5,
    end_ns=9,
    attributes={"attempt": 2},
    error="InsufficientInstanceCapacity",
    kind="client",
    links=(SpanContext("a" * 32, "d" * 16),),
    events=[SpanEvent("retry", 7, {"attempt": 1})],
    scope="agent",
)
PATIENCE = 60.0
"""Of the tests: how long a busy machine may take."""


def test_a_span_arrives_as_it_is() -> None:
    sent: list[ReadableSpan] = []

    def export(spans: Sequence[ReadableSpan]) -> SpanExportResult:
        sent.extend(spans)
        return SpanExportResult.SUCCESS

    exporter = create_autospec(SpanExporter, instance=True)
    exporter.export.side_effect = export
    sink = CollectorSink(Wanted(collector=True, service="mine", resource={"team": "a"}), lambda: exporter)
    sink.take(SPAN)
    assert sink.finish(PATIENCE) is None
    (found,) = sent
    assert found.context is not None
    assert found.parent is not None
    assert (found.context.trace_id, found.context.span_id) == (int("a" * 32, 16), int("b" * 16, 16))
    assert found.parent.span_id == int("c" * 16, 16)
    assert (found.name, found.start_time, found.end_time) == ("ec2 RunInstances", 5, 9)
    assert dict(found.attributes or {}) == {"attempt": 2}
    assert found.status.description == "InsufficientInstanceCapacity"
    assert found.links[0].context.span_id == int("d" * 16, 16)
    assert (found.events[0].name, found.events[0].timestamp) == ("retry", 7)
    assert found.resource.attributes["service.name"] == "mine-agent"
    assert found.resource.attributes["team"] == "a"


def test_a_collector_that_refuses_is_told() -> None:
    exporter = create_autospec(SpanExporter, instance=True)
    exporter.export.return_value = SpanExportResult.FAILURE
    sink = CollectorSink(Wanted(collector=True), lambda: exporter)
    sink.take(SPAN)
    assert sink.finish(PATIENCE) == "it did not take them"


def test_a_collector_that_hangs_is_left_behind() -> None:
    release, entered = threading.Event(), threading.Event()

    def hang(_spans: object) -> SpanExportResult:
        entered.set()
        release.wait()
        return SpanExportResult.FAILURE

    exporter = create_autospec(SpanExporter, instance=True)
    exporter.export.side_effect = hang
    sink = CollectorSink(Wanted(collector=True), lambda: exporter)
    sink.take(SPAN)
    assert entered.wait(PATIENCE)
    assert sink.finish(0.0) == "it did not take all in time"
    release.set()


def test_an_exporter_that_is_not_installed_or_breaks_is_no_reason_to_fail() -> None:
    def missing() -> SpanExporter:
        raise ImportError

    def broken() -> SpanExporter:
        raise ZeroDivisionError

    for make, told in ((missing, NOT_INSTALLED), (broken, "ZeroDivisionError")):
        sink = CollectorSink(Wanted(collector=True), make)
        sink.take(SPAN)
        assert sink.finish(PATIENCE) == told
