"""What an operation of the engine records: its own spans, and one for each resource that it works on.

The engine writes its spans to a private file, and they are sent on with runctl's own once it has ended. So a
collector that hangs holds no engine up, and the headers of a collector, which the engine takes as part of an
address on its command line, are seen by nobody.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from runctl_auto.agent.tracing import spans
from runctl_auto.engine.events import EngineEvent, StepEvent

FILE_VARIABLE = "PULUMI_OPTION_OTEL_TRACES"
"""The engine's option ``--otel-traces``."""
_LEFT_OUT = frozenset({"pulumirpc.Engine/Log"})
"""A hundred a preview, and each tells nothing but that something was printed."""
_KEPT = frozenset({"rpc.service", "rpc.method", "rpc.grpc.status_code", "cli.command", "pulumi.version"})
"""Attributes that are sent on. The engine adds a stack trace to each span, and what errors quote."""
_FAILED = 2

Hear = Callable[[EngineEvent], None]


class HasVariables(Protocol):
    """The engine's environment over that of this process: a workspace of the Automation API."""

    env_vars: Mapping[str, str]


@contextmanager
def engine_spans(workspace: HasVariables, operation: str, job: str) -> Iterator[Hear]:
    """A span around an operation of the engine, which continues it. What it yields hears the engine's events,
    in any thread."""
    found = spans.recorder()
    if found is None:
        yield _hear_nothing
        return
    with spans.span(f"engine: {operation}", job=job) as own, _private_folder() as folder:
        resources = _ResourceSpans(found, own.context)
        before = workspace.env_vars
        file = folder / "spans.json"
        mine = {"TRACEPARENT": str(own.context)}
        if FILE_VARIABLE not in os.environ:  # else the person has the engine's spans already
            mine[FILE_VARIABLE] = file.as_uri()
        workspace.env_vars = {**before, **mine}
        try:
            yield resources.hear
        finally:
            workspace.env_vars = before
            resources.end()
            for each in read_engine_spans(file, own.context.trace):
                found.take(each)


def read_engine_spans(file: Path, trace: str) -> Iterator[spans.Span]:
    """The spans that the engine wrote; what cannot be read of them is left out."""
    from runctl_auto.observe.tracing.otlp_json import spans_in_line

    with suppress(OSError, UnicodeError), file.open(encoding="utf-8") as lines:
        for line in lines:
            for each, _ in spans_in_line(line):
                with suppress(KeyError, TypeError, ValueError):
                    found = _span(each)
                    if found.context.trace == trace and found.name not in _LEFT_OUT:
                        yield found


def _span(found: Mapping[str, Any]) -> spans.Span:
    from runctl_auto.observe.tracing.otlp_json import context_of, plain_attributes

    span = spans.Span(
        name=str(found["name"])[: spans.MOST_TEXT],
        context=context_of(found),
        parent=str(found.get("parentSpanId") or "") or None,
        start_ns=int(found["startTimeUnixNano"]),
        end_ns=int(found["endTimeUnixNano"]),
        error="failed" if found.get("status", {}).get("code") == _FAILED else None,
        scope="engine",
    )
    span.set(**{key: value for key, value in plain_attributes(found).items() if key in _KEPT})
    return span


class _ResourceSpans:
    """A span for each step that changes a resource, from the engine's events."""

    def __init__(self, recorder: spans.Recorder, parent: spans.SpanContext) -> None:
        self._recorder = recorder
        self._parent = parent
        self._open: dict[tuple[str, str], spans.Span] = {}

    def hear(self, event: EngineEvent) -> None:
        if not isinstance(event, StepEvent) or event.operation == "same":
            return
        key = (event.urn, event.operation)
        if event.stage == "started":
            self._open[key] = self._recorder.begin(
                f"{event.operation} {event.name}",
                {"operation": event.operation, "resource": event.name, "type": event.type},
                parent=self._parent,
            )
        elif key in self._open:
            self._recorder.end(self._open.pop(key), "failed" if event.stage == "failed" else None)

    def end(self) -> None:
        """What the engine did not end was not done: it only planned it, or it was stopped."""
        self._open.clear()


@contextmanager
def _private_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="runctl-trace-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _hear_nothing(event: EngineEvent) -> None:
    """For an operation that nobody records."""
