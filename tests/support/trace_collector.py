"""A collector of traces on loopback: OTLP over HTTP, protobuf or JSON, kept in memory. It can be hostile."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Mood = Literal["takes", "refuses", "hangs"]


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as a collector sees it; ids in hex."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, Any]
    failed: bool


@dataclass
class Collector:
    """What has arrived, with the headers of the requests. ``raw`` is all that was sent, uncompressed."""

    url: str
    mood: Mood = "takes"
    spans: list[ReceivedSpan] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: bytes = b""
    released: threading.Event = field(default_factory=threading.Event)

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """The HTTP status of the answer."""
        self.headers.append(headers)
        content = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        self.raw += content
        if self.mood == "refuses":
            return 500
        if self.mood == "hangs":
            self.released.wait()
            return 503
        self.spans += received(content)
        return 200

    def named(self, name: str) -> list[ReceivedSpan]:
        return [each for each in self.spans if each.name == name]


def received(content: bytes) -> Iterator[ReceivedSpan]:
    """The spans of a request in protobuf."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
        service = next(
            each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
        )
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield ReceivedSpan(
                    service=service,
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    links=tuple(each.span_id.hex() for each in span.links),
                    attributes={each.key: _plain(each.value) for each in span.attributes},
                    failed=span.status.code == 2,
                )


@contextmanager
def collector(mood: Mood = "takes") -> Iterator[Collector]:
    """A collector that listens until the context closes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    found = Collector(f"http://127.0.0.1:{server.server_port}", mood)
    server.RequestHandlerClass = _handler(found.take)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(take: Callable[[bytes, dict[str, str]], int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = take(body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
