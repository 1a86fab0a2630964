"""An operation of the engine in the command's trace: its own spans without what they quote, and resources."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runctl_auto.agent.tracing.spans import Recorder, Span, SpanContext, recording
from runctl_auto.engine.engine_spans import FILE_VARIABLE, engine_spans
from runctl_auto.engine.events import DiagnosticEvent, StepEvent

PARENT = SpanContext("a" * 32, "b" * 16)
URN = "urn:pulumi:digits::runctl::aws:s3/bucket:Bucket::digits-artifacts"


def engine_span(name: str, trace: str = PARENT.trace, **fields: Any) -> dict[str, Any]:
    quoted = [
        {"key": "code.stacktrace", "value": {"stringValue": "planted-secret"}},
        {"key": "rpc.method", "value": {"stringValue": "Check"}},
        {"key": "rpc.grpc.status_code", "value": {"intValue": "0"}},
    ]
    return {
        "traceId": trace,
        "spanId": "e" * 16,
        "parentSpanId": "f" * 16,
        "name": name,
        "startTimeUnixNano": "1800000000000000000",
        "endTimeUnixNano": "1800000001000000000",
        "attributes": quoted,
        "events": [{"name": "exception", "attributes": quoted}],
        "status": {"code": 2, "message": "planted-secret"},
        **fields,
    }


def line(*spans: dict[str, Any]) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}) + "\n"


def operated(workspace: Any, *lines: str, events: tuple[Any, ...] = ()) -> list[Span]:
    taken: list[Span] = []
    with (
        recording(Recorder(PARENT, taken.append)),
        engine_spans(workspace, "update", "digits") as hear,
    ):
        if FILE_VARIABLE in workspace.env_vars:
            Path(workspace.env_vars[FILE_VARIABLE].removeprefix("file://")).write_text("".join(lines))
        for each in events:
            hear(each)
    return taken


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    return SimpleNamespace(env_vars={"PULUMI_HOME": "x"})


def test_the_engines_spans_come_without_what_they_quote(workspace: Any) -> None:
    taken = operated(
        workspace,
        line(engine_span("pulumirpc.ResourceProvider/Check"), engine_span("pulumirpc.Engine/Log")),
        line(engine_span("of-another", trace="c" * 32)),
        '{"resourceSpans": [{"scopeSp',
    )
    check, own = taken
    assert (check.name, check.scope, check.error) == ("pulumirpc.ResourceProvider/Check", "engine", "failed")
    assert check.attributes == {"rpc.method": "Check", "rpc.grpc.status_code": 0}
    assert "planted" not in repr(taken)
    assert (own.name, own.parent) == ("engine: update", PARENT.span)


def test_the_engine_continues_the_span_and_only_during_the_operation(workspace: Any) -> None:
    taken: list[Span] = []
    with recording(Recorder(PARENT, taken.append)), engine_spans(workspace, "update", "digits"):
        given = workspace.env_vars["TRACEPARENT"]
    assert given == str(taken[0].context)
    assert workspace.env_vars == {"PULUMI_HOME": "x"}


def test_a_person_who_has_the_engines_spans_already_keeps_them(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE_VARIABLE, "grpc://localhost:4317")
    taken: list[Span] = []
    with recording(Recorder(PARENT, taken.append)), engine_spans(workspace, "update", "digits"):
        assert workspace.env_vars.keys() == {"PULUMI_HOME", "TRACEPARENT"}


def test_each_step_that_changes_something_is_a_span(workspace: Any) -> None:
    kind = "aws:s3/bucket:Bucket"
    taken = operated(
        workspace,
        events=(
            StepEvent("started", "same", "urn:x", kind),
            StepEvent("started", "create", URN, kind),
            DiagnosticEvent("warning", "planted-secret"),
            StepEvent("failed", "create", URN, kind),
            StepEvent("started", "delete", URN, kind),
        ),
    )
    step, own = taken
    assert (step.name, step.error, step.parent) == ("create digits-artifacts", "failed", own.context.span)
    assert step.attributes["type"] == kind


def test_where_nobody_records_the_engine_is_started_as_ever(workspace: Any) -> None:
    with engine_spans(workspace, "update", "digits") as hear:
        assert workspace.env_vars == {"PULUMI_HOME": "x"}
        hear(StepEvent("started", "create", URN, "x"))
