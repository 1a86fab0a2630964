"""Spans as OTLP's JSON: what protobuf's own reader makes of it, and back."""

from __future__ import annotations

import json

from runctl_auto.agent.tracing.spans import Span, SpanContext, SpanEvent
from runctl_auto.observe.tracing.choice import Wanted
from runctl_auto.observe.tracing.otlp_json import context_of, otlp_json, plain_attributes, spans_in_line

SPAN = Span(
    name="machine",
    context=SpanContext("a" * 32, "b" * 16),
    parent="c" * 16,
    start_ns=1_800_000_000_000_000_000,
    end_ns=1_800_000_001_000_000_000,
    attributes={"text": "x", "count": 3, "share": 0.5, "whole": True},
    error="vanished",
    kind="client",
    links=(SpanContext("a" * 32, "d" * 16),),
    events=[SpanEvent("retry", 1_800_000_000_500_000_000, {"attempt": 1})],
    scope="agent",
)


def test_the_collectors_own_reader_understands_it() -> None:
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

    (resource,) = otlp_json([SPAN], Wanted(service="mine", resource={"team": "a"}))["resourceSpans"]
    (raw,) = resource["scopeSpans"][0]["spans"]
    assert (raw["traceId"], raw["spanId"], raw["parentSpanId"]) == ("a" * 32, "b" * 16, "c" * 16)
    assert raw["links"] == [{"traceId": "a" * 32, "spanId": "d" * 16}]
    # Ids are hex in OTLP's JSON, base64 in protobuf's: all else is the same.
    read = ParseDict({**raw, "traceId": "", "spanId": "", "parentSpanId": "", "links": []}, OtlpSpan())
    assert (read.name, read.kind, read.status.code, read.status.message) == ("machine", 3, 2, "vanished")
    assert read.end_time_unix_nano - read.start_time_unix_nano == 10**9
    assert {each.key: each.value.WhichOneof("value") for each in read.attributes} == {
        "text": "string_value",
        "count": "int_value",
        "share": "double_value",
        "whole": "bool_value",
    }
    assert read.events[0].name == "retry"
    assert plain_attributes(resource["resource"]) == {"service.name": "mine-agent", "team": "a"}


def test_it_is_read_back() -> None:
    line = json.dumps(otlp_json([SPAN], Wanted()))
    ((span, service),) = spans_in_line(line)
    assert (context_of(span), service) == (SPAN.context, "runctl-agent")
    assert plain_attributes(span) == SPAN.attributes


def test_a_line_that_is_no_such_has_no_spans() -> None:
    for line in ("", "{", "[]", "3", '{"resourceSpans": 3}', '{"resourceSpans": [{"scopeSpans": [null]}]}'):
        assert list(spans_in_line(line)) == []
