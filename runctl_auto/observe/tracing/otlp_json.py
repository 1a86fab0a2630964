"""Spans as OTLP's JSON, and back: an object a line, which the file receiver of the collector reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runctl_auto.agent.tracing.spans import Span, SpanContext, Value
from runctl_auto.observe.tracing.choice import Wanted

_KINDS = {"internal": 1, "client": 3}
_ERROR = 2


def service_of(wanted: Wanted, scope: str) -> str:
    """The service that recorded a span: that of the command, or that name and whom it works with."""
    return wanted.service if scope == "runctl" else f"{wanted.service}-{scope}"


def otlp_json(spans: Sequence[Span], wanted: Wanted) -> dict[str, Any]:
    """The spans as a request of OTLP."""
    by_scope: dict[str, list[Span]] = {}
    for each in spans:
        by_scope.setdefault(each.scope, []).append(each)
    return {"resourceSpans": [_resource(wanted, scope, found) for scope, found in by_scope.items()]}


def _resource(wanted: Wanted, scope: str, spans: Sequence[Span]) -> dict[str, Any]:
    attributes = {"service.name": service_of(wanted, scope), **wanted.resource}
    return {
        "resource": {"attributes": _attributes(attributes)},
        "scopeSpans": [{"scope": {"name": f"runctl.{scope}"}, "spans": [_span(each) for each in spans]}],
    }


def _span(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": span.context.trace,
        "spanId": span.context.span,
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns or span.start_ns),
        "attributes": _attributes(span.attributes),
        "status": {} if span.error is None else {"code": _ERROR, "message": span.error},
    }
    if span.parent:
        found["parentSpanId"] = span.parent
    if span.links:
        found["links"] = [{"traceId": each.trace, "spanId": each.span} for each in span.links]
    if span.events:
        found["events"] = [
            {"name": each.name, "timeUnixNano": str(each.at_ns), "attributes": _attributes(each.attributes)}
            for each in span.events
        ]
    return found


def _attributes(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value}


def spans_in_line(line: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The spans of a line of OTLP's JSON, with the name of the service; none of a line that is no such."""
    try:
        found = json.loads(line)
        for resource in found.get("resourceSpans", ()):
            service = str(plain_attributes(resource.get("resource", {})).get("service.name", ""))
            for scope in resource.get("scopeSpans", ()):
                for each in scope.get("spans", ()):
                    yield each, service
    except (ValueError, AttributeError, TypeError, KeyError):
        return


def plain_attributes(holder: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes of a span or resource that are texts, numbers or truth values."""
    found: dict[str, Value] = {}
    for each in holder.get("attributes", ()):
        value = each.get("value", {})
        if "stringValue" in value:
            found[each["key"]] = str(value["stringValue"])
        elif "intValue" in value:
            found[each["key"]] = int(value["intValue"])
        elif "boolValue" in value:
            found[each["key"]] = bool(value["boolValue"])
        elif "doubleValue" in value:
            found[each["key"]] = float(value["doubleValue"])
    return found


def context_of(span: Mapping[str, Any]) -> SpanContext:
    """The name of a span in OTLP's JSON."""
    return SpanContext(str(span["traceId"]), str(span["spanId"]))
