"""Sends spans to the collector that OpenTelemetry's variables name, beside the command, which hardly waits.

The library's own exporter reads its variables: address, headers, certificates, compression, timeout. It is
imported in the sending thread, once there is something to send.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runctl_auto.agent.tracing.spans import Span
from runctl_auto.observe.tracing.choice import Wanted
from runctl_auto.observe.tracing.otlp_json import service_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

MOST_WAITING = 20_000
MOST_AT_ONCE = 512
EVERY_SECONDS = 1.0
LAST_SECONDS = 1.0
"""How long a command waits at its end for a collector that answers slowly, or not at all."""
NOT_INSTALLED = "the exporter is not installed: pip install 'runctl[trace]'"

MakeExporter = Callable[[], "SpanExporter"]


class CollectorSink:
    """Spans on their way to a collector. ``take`` never blocks and never raises."""

    def __init__(self, wanted: Wanted, make: MakeExporter | None = None) -> None:
        self._wanted = wanted
        self._make = make or (_grpc_exporter if wanted.grpc else _http_exporter)
        self._waiting: queue.Queue[Span | None] = queue.Queue(MOST_WAITING)
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._work, name="spans", daemon=True)
        self._thread.start()

    def take(self, span: Span) -> None:
        try:
            self._waiting.put_nowait(span)
        except queue.Full:
            self._failure = "too many spans wait for it"

    def finish(self, seconds: float = LAST_SECONDS) -> str | None:
        """Waits until all is sent, ``seconds`` at most; why not all has arrived, None if it has."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return self._failure
        self._thread.join(seconds)
        return "it did not take all in time" if self._thread.is_alive() else self._failure

    def _work(self) -> None:
        try:
            sender: _Sender | None = None
            ended = False
            while not ended:
                batch, ended = self._batch()
                if not batch:
                    continue
                # Imported this late, since by now the command has most of these modules itself.
                sender = sender or _Sender(self._made(), self._wanted)
                if not sender.send(batch):
                    self._failure = "it did not take them"
        except ImportError:
            self._failure = NOT_INSTALLED
        except Exception as error:  # whatever a library does, the command goes on
            self._failure = type(error).__name__

    def _made(self) -> SpanExporter:
        _quieten()
        return self._make()

    def _batch(self) -> tuple[list[Span], bool]:
        """What is to be sent next, and whether it is the last."""
        batch: list[Span] = []
        until = time.monotonic() + EVERY_SECONDS
        while len(batch) < MOST_AT_ONCE:
            try:
                found = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if found is None:
                return batch, True
            batch.append(found)
        return batch, False


class _Sender:
    """Makes the library's spans of ours, and sends them."""

    def __init__(self, exporter: SpanExporter, wanted: Wanted) -> None:
        self._exporter = exporter
        self._wanted = wanted
        self._resources: dict[str, Any] = {}

    def send(self, spans: Sequence[Span]) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult

        result = self._exporter.export([self._span(each) for each in spans])
        return bool(result == SpanExportResult.SUCCESS)

    def _span(self, span: Span) -> Any:
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import Link, SpanKind, Status, StatusCode

        status = Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error)
        return ReadableSpan(
            name=span.name,
            context=_context(span.context.trace, span.context.span),
            parent=_context(span.context.trace, span.parent) if span.parent else None,
            resource=self._resource(span.scope),
            attributes=span.attributes,
            events=[Event(each.name, each.attributes, each.at_ns) for each in span.events],
            links=[Link(_context(each.trace, each.span)) for each in span.links],
            kind=SpanKind.CLIENT if span.kind == "client" else SpanKind.INTERNAL,
            status=status,
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=InstrumentationScope(f"runctl.{span.scope}"),
        )

    def _resource(self, scope: str) -> Any:
        from opentelemetry.sdk.resources import Resource

        if scope not in self._resources:
            name = service_of(self._wanted, scope)
            self._resources[scope] = Resource({"service.name": name, **self._wanted.resource})
        return self._resources[scope]


def _context(trace: str, span: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(1))


def _quieten() -> None:
    """The library logs what a collector answers, in full; what matters of that is told in one line."""
    log = logging.getLogger("opentelemetry")
    log.addHandler(logging.NullHandler())
    log.propagate = False


def _http_exporter() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter: SpanExporter = OTLPSpanExporter()
    return exporter


def _grpc_exporter() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporter: SpanExporter = OTLPSpanExporter()
    return exporter
